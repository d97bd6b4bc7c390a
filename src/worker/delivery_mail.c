/*
 * delivery_mail.c
 *		Notifications that go to a mail server: from a row to a mail, from its
 *		result to a verdict.
 */
#include "postgres.h"

#include "hitl.h"

#include "common/base64.h"
#include "utils/uuid.h"

#include "core_bridge.h"
#include "worker/address_guard.h"
#include "worker/dispatcher.h"
#include "worker/url.h"
#include "workflow/identifier.h"

static bool check_server(HitlDelivery *delivery);
static bool read_settings(HitlDelivery *delivery, char **tls, char **user);
static bool check_login(HitlDelivery *delivery, char *user);
static bool build_message(HitlDelivery *delivery);
static void judge_refusal(HitlDelivery *delivery, const MailResult *result,
						  const char *said);
static char *what_was_said(HitlDelivery *delivery, const MailResult *result);
static char *encode(const char *bytes, int length);

/*
 * Make the mail of a claimed row.
 */
bool
hitl_prepare_mail(HitlDelivery *delivery)
{
	MailRequest *mail = &delivery->mail;

	if (!check_server(delivery) || !build_message(delivery))
		return false;
	mail->url = delivery->url;
	mail->port = delivery->port;
	if (hitl_ca_file != NULL && hitl_ca_file[0] != '\0')
		mail->ca_file = hitl_ca_file;
	mail->timeout_ms = (long) delivery->timeout * 1000;
	mail->owner = delivery;
	return true;
}

/*
 * Reach a verdict on the result of a mail.
 */
void
hitl_judge_mail(HitlDelivery *delivery, const MailResult *result)
{
	MemoryContext before = MemoryContextSwitchTo(delivery->context);
	char *said = what_was_said(delivery, result);

	delivery->response_status = result->status;
	delivery->outcome = BREAKER_NEUTRAL;
	switch (result->outcome)
	{
		case MAIL_ACCEPTED:
			delivery->outcome = BREAKER_SUCCESS;
			delivery->status = "delivered";
			delivery->response_body = said;
			break;
		case MAIL_REFUSED:
		case MAIL_LOGIN_FAILED:
			judge_refusal(delivery, result, said);
			break;
		case MAIL_TIMED_OUT:
			delivery->outcome = BREAKER_FAILURE;
			hitl_repeat_delivery(delivery, -1, "timeout",
								 "mail to %s timed out: %s", delivery->host,
								 said);
			break;
		case MAIL_UNREACHABLE:
			delivery->outcome = BREAKER_FAILURE;
			hitl_repeat_delivery(delivery, -1, "network_error",
								 "mail to %s failed: %s", delivery->host, said);
			break;
		case MAIL_ADDRESS_REFUSED:
			hitl_fail_delivery(
				delivery, "permission_error",
				"address %s of host %s is private; mail to it needs the host in hitl.allowed_private_hosts",
				said, delivery->host);
			break;
		case MAIL_INVALID:
			hitl_fail_delivery(delivery, "validation_error",
							   "mail to %s could not be sent: %s",
							   delivery->host, said);
			break;
		case MAIL_NO_MEMORY:
			hitl_repeat_delivery(delivery, -1, "system_error",
								 "mail to %s failed: out of memory",
								 delivery->host);
			break;
	}
	if (result->outcome != MAIL_ACCEPTED)
		delivery->provider_message_id = NULL;
	MemoryContextSwitchTo(before);
}

/*
 * A verdict: the core cannot make of the mail document what is to be sent.
 */
void
hitl_fail_mail(HitlDelivery *delivery, HitlResult result, char *error)
{
	if (result == HITL_NO_MEMORY)
		hitl_fail_delivery(delivery, "system_error", "out of memory");
	else
		hitl_fail_delivery(delivery, "validation_error",
						   "the mail cannot be sent: %s", error);
	if (error != NULL)
		hitl_core()->free_text(error);
}

/*
 * Where does it go, and how?  In the clear only where the row asks for that,
 * and to hosts that the administrator named.
 */
static bool
check_server(HitlDelivery *delivery)
{
	MailRequest *mail = &delivery->mail;
	bool secure = false;
	const char *fault = url_fault(URL_MAIL, delivery->url, delivery->host,
								  &delivery->port, &secure);
	char *tls = NULL;
	char *user = NULL;

	if (fault != NULL)
	{
		hitl_fail_delivery(delivery, "validation_error", "invalid URL: %s",
						   fault);
		return false;
	}
	if (!read_settings(delivery, &tls, &user))
		return false;
	if (tls != NULL && strcmp(tls, "none") != 0 &&
		strcmp(tls, secure ? "tls" : "starttls") != 0)
	{
		hitl_fail_delivery(
			delivery, "validation_error",
			"invalid setting tls: smtp:// goes with starttls or none, smtps:// with tls");
		return false;
	}
	mail->any_address = host_is_listed(delivery->host, delivery->port,
									   hitl_allowed_private_hosts);
	mail->clear = tls != NULL && strcmp(tls, "none") == 0;
	if (mail->clear && secure)
	{
		hitl_fail_delivery(delivery, "validation_error",
						   "invalid setting tls: smtps:// is TLS");
		return false;
	}
	if (mail->clear && !mail->any_address)
	{
		hitl_fail_delivery(
			delivery, "permission_error",
			"mail to %s must use TLS; none needs the host in hitl.allowed_private_hosts",
			delivery->host);
		return false;
	}
	return check_login(delivery, user);
}

/*
 * The settings of the row: texts or nulls.
 */
static bool
read_settings(HitlDelivery *delivery, char **tls, char **user)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	char *name = NULL;

	if (!JB_ROOT_IS_OBJECT(delivery->headers) ||
		JB_ROOT_COUNT(delivery->headers) > 0)
	{
		hitl_fail_delivery(
			delivery, "validation_error",
			"headers of the request are HTTP's; those of a mail are in its body");
		return false;
	}
	if (delivery->settings == NULL)
		return true;
	iterator = JsonbIteratorInit(&delivery->settings->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char **target;

		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE || value.type == jbvNull)
			continue;
		target = strcmp(name, "tls") == 0 ? tls
			: strcmp(name, "user") == 0	  ? user
										  : NULL;
		if (target == NULL || value.type != jbvString)
		{
			hitl_fail_delivery(
				delivery, "validation_error",
				target == NULL ? "there is no setting \"%s\" of a mail server"
							   : "setting \"%s\" is not a text",
				name);
			return false;
		}
		*target = pnstrdup(value.val.string.val, value.val.string.len);
	}
	return true;
}

/*
 * User and password.
 */
static bool
check_login(HitlDelivery *delivery, char *user)
{
	if (user == NULL && delivery->secret == NULL)
		return true;
	if (user == NULL || user[0] == '\0' || delivery->secret == NULL)
	{
		hitl_fail_delivery(
			delivery, "validation_error",
			"a mail server needs both a user and a password, or neither");
		return false;
	}
	if (!hitl_check_secret(delivery, delivery->secret))
		return false;
	delivery->mail.user = user;
	delivery->mail.password = delivery->secret->value;
	return true;
}

/*
 * The message, of the mail document in the body.
 */
static bool
build_message(HitlDelivery *delivery)
{
	MailRequest *request = &delivery->mail;
	int64 date = timestamptz_to_time_t(delivery->created_at);
	char *message;
	char *error;
	HitlMail mail;
	HitlResult result;

	if (delivery->body == NULL)
	{
		hitl_fail_delivery(delivery, "validation_error",
						   "a mail needs a body, which is a mail document");
		return false;
	}
	result = hitl_core()->build_mail(delivery->body,
									 hitl_id_text(&delivery->id), date, &mail,
									 &error);
	if (result != HITL_OK)
	{
		hitl_fail_mail(delivery, result, error);
		return false;
	}
	message = palloc(mail.length);
	memcpy(message, mail.message, mail.length);
	request->message = message;
	request->length = mail.length;
	request->sender = pstrdup(mail.sender);
	request->recipient = pstrdup(mail.recipient);
	delivery->provider_message_id = pstrdup(mail.message_id);
	hitl_core()->free_mail(&mail);
	return true;
}

/*
 * The verdict on a refusal: 4xx is for now, 5xx for good.
 */
static void
judge_refusal(HitlDelivery *delivery, const MailResult *result,
			  const char *said)
{
	bool login = result->outcome == MAIL_LOGIN_FAILED;
	const char *with = result->status != 0
		? psprintf(" with %d: ", result->status)
		: ": ";

	delivery->outcome = result->status == 421 ? BREAKER_FAILURE
											  : BREAKER_SUCCESS;
	if (result->status >= 400 && result->status <= 499)
		hitl_repeat_delivery(delivery, -1, "service_unavailable",
							 "mail server %s refused %s%s%s", delivery->host,
							 result->stage, with, said);
	else
	{
		switch (result->status)
		{
			case 530:
			case 534:
			case 535:
			case 538:
				login = true;
				break;
		}
		hitl_fail_delivery(delivery,
						   login ? "authentication_error" : "validation_error",
						   "mail server %s refused %s%s%s", delivery->host,
						   result->stage, with, said);
	}
}

/*
 * What the server says, or what happened.  Some servers repeat the command
 * that they refuse, and with it the password as it was sent.
 */
static char *
what_was_said(HitlDelivery *delivery, const MailResult *result)
{
	char *said = hitl_valid_text(pstrdup(result->reason));
	const char *user = delivery->mail.user;
	const char *password = delivery->mail.password;
	StringInfoData plain;
	char *encoded;

	if (user == NULL || password == NULL)
		return said;
	initStringInfo(&plain);
	appendStringInfoChar(&plain, '\0');
	appendStringInfoString(&plain, user);
	appendStringInfoChar(&plain, '\0');
	appendStringInfoString(&plain, password);
	encoded = encode(plain.data, plain.len);
	hitl_scrub_text(encoded, said);
	explicit_bzero(encoded, strlen(encoded));
	explicit_bzero(plain.data, plain.len);
	encoded = encode(password, (int) strlen(password));
	hitl_scrub_text(encoded, said);
	explicit_bzero(encoded, strlen(encoded));
	hitl_scrub_secrets(delivery, said);
	return said;
}

/*
 * Bytes in base64.
 */
static char *
encode(const char *bytes, int length)
{
	int size = pg_b64_enc_len(length) + 1;
	char *encoded = palloc0(size);

	if (pg_b64_encode(bytes, length, encoded, size - 1) < 0)
		encoded[0] = '\0';
	return encoded;
}
