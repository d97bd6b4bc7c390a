/*
 * message_vector.h
 *		Messages and pages: documents, and what is made of them.
 *		test/vectors/message/README.md describes them.
 */
#ifndef HITL_UNIT_MESSAGE_VECTOR_H
#define HITL_UNIT_MESSAGE_VECTOR_H

#include "harness.h"

extern void run_message_vector(const char *path);

#endif /* HITL_UNIT_MESSAGE_VECTOR_H */
