/*
 * template.h
 *		Named, versioned pointers to definitions, with parameters.
 */
#ifndef HITL_TEMPLATE_H
#define HITL_TEMPLATE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* A version of a template, and the input that it makes of a caller's. */
typedef struct HitlTemplate
{
	char *name;
	int version;
	bytea *definition_hash;
	Jsonb *input; /* the caller's above the defaults */
} HitlTemplate;

/* Why a template cannot be used. */
typedef struct HitlTemplateFault
{
	int sqlerrcode;
	const char *kind; /* of the failure of a step that names it */
	char *message;
	char *detail; /* or NULL */
	char *hint;	  /* or NULL */
} HitlTemplateFault;

/*
 * Find a version of a template (0: the latest active one) and complete an
 * input (an object, or NULL) by its defaults.  Must be called within SPI.
 * False if it cannot be used, fault saying why; ERRORs where fault is NULL.
 */
extern bool hitl_resolve_template(const char *name, int version, Jsonb *input,
								  HitlTemplate *result,
								  HitlTemplateFault *fault);

#endif /* HITL_TEMPLATE_H */
