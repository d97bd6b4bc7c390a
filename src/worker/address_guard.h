/*
 * address_guard.h
 *		Which addresses a request to the outside may reach.
 */
#ifndef HITL_ADDRESS_GUARD_H
#define HITL_ADDRESS_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for every address that is not plainly part of the public Internet. */
extern bool address_is_public(const struct sockaddr *address);

/* The same for an address in text form; false for what is no address. */
extern bool address_text_is_public(const char *text);

/*
 * Is host named, for this port, in a comma-separated list of host names and
 * addresses?
 */
extern bool host_is_listed(const char *host, int port, const char *list);

#endif /* HITL_ADDRESS_GUARD_H */
