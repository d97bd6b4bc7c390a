-- openapi.sql
--		What the JSON API is, as OpenAPI 3.1 has it.  Bodies are checked by its schemas.

CREATE FUNCTION hitl.openapi() RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN $${
	"openapi": "3.1.0",
	"info": {
		"title": "hitl",
		"version": "1",
		"description": "Approval requests and workflows of hitl. Who makes a request is told by a token, or by the session of a browser, which sends the csrf_token of /api/v1/session as X-CSRF-Token with every POST."
	},
	"servers": [{"url": "/"}],
	"security": [{"token": []}, {"session": []}],
	"paths": {
		"/api/v1/openapi.json": {
			"get": {
				"operationId": "describe",
				"summary": "this document",
				"security": [],
				"responses": {
					"200": {
						"description": "an OpenAPI 3.1 document",
						"content": {
							"application/json": {
								"schema": {
									"type": "object",
									"required": ["openapi", "paths"],
									"properties": {"openapi": {"type": "string"}, "paths": {"type": "object"}}
								}
							}
						}
					}
				}
			}
		},
		"/api/v1/session": {
			"get": {
				"operationId": "whoami",
				"summary": "who one is",
				"responses": {
					"200": {
						"description": "the principal, and what it may",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}
					},
					"401": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/approvals": {
			"get": {
				"operationId": "listApprovals",
				"summary": "what one is asked and has not answered, oldest first",
				"security": [{"token": ["approvals:read"]}, {"session": []}],
				"parameters": [
					{
						"name": "after",
						"in": "query",
						"description": "\"next\" of the page before",
						"schema": {"type": "string", "format": "uuid"}
					},
					{
						"name": "limit",
						"in": "query",
						"schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
					}
				],
				"responses": {
					"200": {
						"description": "a page of requests",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ApprovalPage"}}}
					},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"422": {"$ref": "#/components/responses/Problem"}
				}
			},
			"post": {
				"operationId": "requestApproval",
				"summary": "ask for an approval",
				"security": [{"token": ["approvals:request"]}, {"session": []}],
				"parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
				"requestBody": {
					"required": true,
					"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewApproval"}}}
				},
				"responses": {
					"201": {
						"description": "the request",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ApprovalId"}}}
					},
					"400": {"$ref": "#/components/responses/Problem"},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"404": {"$ref": "#/components/responses/Problem"},
					"409": {"$ref": "#/components/responses/Problem"},
					"415": {"$ref": "#/components/responses/Problem"},
					"422": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/approvals/respond": {
			"post": {
				"operationId": "respondToApprovals",
				"summary": "answer several requests alike, each wholly or not at all",
				"security": [{"token": ["approvals:respond"]}, {"session": []}],
				"parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
				"requestBody": {
					"required": true,
					"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answers"}}}
				},
				"responses": {
					"200": {
						"description": "what came of each",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Results"}}}
					},
					"400": {"$ref": "#/components/responses/Problem"},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"415": {"$ref": "#/components/responses/Problem"},
					"422": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/approvals/{id}": {
			"get": {
				"operationId": "getApproval",
				"summary": "a request and its answers",
				"security": [{"token": ["approvals:read"]}, {"session": []}],
				"parameters": [{"$ref": "#/components/parameters/Id"}],
				"responses": {
					"200": {
						"description": "the request",
						"content": {
							"application/json": {"schema": {"$ref": "#/components/schemas/ApprovalWithResponses"}}
						}
					},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"404": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/approvals/{id}/form": {
			"get": {
				"operationId": "getApprovalForm",
				"summary": "what an answer must look like",
				"security": [{"token": ["approvals:read"]}, {"session": []}],
				"parameters": [{"$ref": "#/components/parameters/Id"}],
				"responses": {
					"200": {
						"description": "a JSON Schema, and hints of react-jsonschema-form",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Form"}}}
					},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"404": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/approvals/{id}/respond": {
			"post": {
				"operationId": "respondToApproval",
				"summary": "answer a request",
				"security": [{"token": ["approvals:respond"]}, {"session": []}],
				"parameters": [
					{"$ref": "#/components/parameters/Id"},
					{"$ref": "#/components/parameters/IdempotencyKey"}
				],
				"requestBody": {
					"required": true,
					"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}
				},
				"responses": {
					"200": {
						"description": "the status of the request after the answer",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ApprovalStatus"}}}
					},
					"400": {"$ref": "#/components/responses/Problem"},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"404": {"$ref": "#/components/responses/Problem"},
					"409": {"$ref": "#/components/responses/Problem"},
					"410": {"$ref": "#/components/responses/Problem"},
					"415": {"$ref": "#/components/responses/Problem"},
					"422": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/approvals/{id}/cancel": {
			"post": {
				"operationId": "cancelApproval",
				"summary": "withdraw a request",
				"security": [{"token": ["approvals:request"]}, {"session": []}],
				"parameters": [
					{"$ref": "#/components/parameters/Id"},
					{"$ref": "#/components/parameters/IdempotencyKey"}
				],
				"requestBody": {
					"required": false,
					"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Cancellation"}}}
				},
				"responses": {
					"200": {
						"description": "the status of the request",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ApprovalStatus"}}}
					},
					"400": {"$ref": "#/components/responses/Problem"},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"404": {"$ref": "#/components/responses/Problem"},
					"409": {"$ref": "#/components/responses/Problem"},
					"410": {"$ref": "#/components/responses/Problem"},
					"415": {"$ref": "#/components/responses/Problem"},
					"422": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/workflows": {
			"post": {
				"operationId": "startWorkflow",
				"summary": "start a template as the role of the caller",
				"security": [{"token": ["workflows:start"]}, {"session": []}],
				"parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
				"requestBody": {
					"required": true,
					"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewWorkflow"}}}
				},
				"responses": {
					"201": {
						"description": "the workflow",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/WorkflowId"}}}
					},
					"400": {"$ref": "#/components/responses/Problem"},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"404": {"$ref": "#/components/responses/Problem"},
					"409": {"$ref": "#/components/responses/Problem"},
					"415": {"$ref": "#/components/responses/Problem"},
					"422": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/workflows/{id}": {
			"get": {
				"operationId": "getWorkflow",
				"summary": "how a workflow stands",
				"security": [{"token": ["workflows:read"]}, {"session": []}],
				"parameters": [{"$ref": "#/components/parameters/Id"}],
				"responses": {
					"200": {
						"description": "all about it",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Workflow"}}}
					},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"404": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/api/v1/events": {
			"get": {
				"operationId": "followEvents",
				"summary": "what happens to workflows, as server-sent events",
				"security": [{"token": ["approvals:read"]}, {"session": []}],
				"parameters": [
					{"name": "workflow_id", "in": "query", "schema": {"type": "string", "format": "uuid"}},
					{
						"name": "Last-Event-ID",
						"in": "header",
						"description": "go on behind this event",
						"schema": {"type": "string"}
					}
				],
				"responses": {
					"200": {"description": "a stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"422": {"$ref": "#/components/responses/Problem"}
				}
			}
		},
		"/hooks/approvals/{id}/respond": {
			"post": {
				"operationId": "respondByWebhook",
				"summary": "answer a request by a request that is signed as Standard Webhooks 1.0.0 describes; the same webhook-id again gives the same response",
				"security": [],
				"parameters": [
					{"$ref": "#/components/parameters/Id"},
					{"name": "webhook-id", "in": "header", "required": true, "schema": {"type": "string"}},
					{
						"name": "webhook-timestamp",
						"in": "header",
						"required": true,
						"schema": {"type": "string"}
					},
					{
						"name": "webhook-signature",
						"in": "header",
						"required": true,
						"schema": {"type": "string"}
					}
				],
				"requestBody": {
					"required": true,
					"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}
				},
				"responses": {
					"200": {
						"description": "the status of the request after the answer",
						"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ApprovalStatus"}}}
					},
					"400": {"$ref": "#/components/responses/Problem"},
					"401": {"$ref": "#/components/responses/Problem"},
					"403": {"$ref": "#/components/responses/Problem"},
					"404": {"$ref": "#/components/responses/Problem"},
					"409": {"$ref": "#/components/responses/Problem"},
					"410": {"$ref": "#/components/responses/Problem"},
					"415": {"$ref": "#/components/responses/Problem"},
					"422": {"$ref": "#/components/responses/Problem"}
				}
			}
		}
	},
	"components": {
		"securitySchemes": {
			"token": {"type": "http", "scheme": "bearer", "description": "made by hitl.create_api_token()"},
			"session": {"type": "apiKey", "in": "cookie", "name": "__Host-hitl"}
		},
		"parameters": {
			"Id": {
				"name": "id",
				"in": "path",
				"required": true,
				"schema": {"type": "string", "format": "uuid"}
			},
			"IdempotencyKey": {
				"name": "Idempotency-Key",
				"in": "header",
				"description": "the same request with the same key, within a week, gets the same response and does nothing twice",
				"schema": {"type": "string", "minLength": 1, "maxLength": 255}
			}
		},
		"responses": {
			"Problem": {
				"description": "a problem (RFC 9457)",
				"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
			}
		},
		"schemas": {
			"Problem": {
				"type": "object",
				"required": ["type", "title", "status"],
				"properties": {
					"type": {"type": "string"},
					"title": {"type": "string"},
					"status": {"type": "integer"},
					"detail": {"type": "string"},
					"code": {"type": "string", "description": "SQLSTATE", "pattern": "^[0-9A-Z]{5}$"},
					"hint": {"type": "string"},
					"details": {"type": "array", "items": {"type": "string"}}
				}
			},
			"Session": {
				"type": "object",
				"required": ["principal", "scopes"],
				"properties": {
					"principal": {"type": "string"},
					"display_name": {"type": "string"},
					"scopes": {"type": "array", "items": {"type": "string"}},
					"csrf_token": {"type": "string"}
				}
			},
			"Decision": {"enum": ["approved", "rejected", "modified", "abstained", "information_requested", "commented"]},
			"Status": {"enum": ["pending", "approved", "rejected", "expired", "cancelled"]},
			"Approval": {
				"type": "object",
				"required": [
					"id",
					"title",
					"approval_type",
					"context_data",
					"status",
					"requested_by",
					"requested_at",
					"round",
					"asked",
					"content_hash"
				],
				"properties": {
					"id": {"type": "string", "format": "uuid"},
					"workflow_id": {"type": "string", "format": "uuid"},
					"step_name": {"type": "string"},
					"title": {"type": "string"},
					"description": {"type": "string"},
					"approval_type": {"type": "string"},
					"context_data": {"type": "object"},
					"status": {"$ref": "#/components/schemas/Status"},
					"requested_by": {"type": "string"},
					"requested_at": {"type": "string", "format": "date-time"},
					"expires_at": {"type": "string", "format": "date-time"},
					"decided_at": {"type": "string", "format": "date-time"},
					"decided_by": {"type": "string"},
					"reason": {"type": "string"},
					"round": {"type": "integer", "minimum": 1},
					"wanted": {"enum": ["changes", "information"]},
					"asked": {"type": "array", "items": {"type": "string"}, "description": "who is asked now"},
					"content_hash": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
					"answer_schema": {"type": ["object", "boolean"]},
					"ui_schema": {"type": "object"}
				}
			},
			"Response": {
				"type": "object",
				"required": ["approver", "decision", "responded_at"],
				"properties": {
					"approver": {"type": "string"},
					"decision": {"type": "string"},
					"feedback": {"type": "string"},
					"responded_at": {"type": "string", "format": "date-time"}
				}
			},
			"ApprovalWithResponses": {
				"allOf": [
					{"$ref": "#/components/schemas/Approval"},
					{
						"type": "object",
						"required": ["responses"],
						"properties": {"responses": {"type": "array", "items": {"$ref": "#/components/schemas/Response"}}}
					}
				]
			},
			"ApprovalPage": {
				"type": "object",
				"required": ["approvals", "next"],
				"properties": {
					"approvals": {"type": "array", "items": {"$ref": "#/components/schemas/Approval"}},
					"next": {
						"type": ["string", "null"],
						"description": "where the next page begins; null: this is the last one"
					}
				}
			},
			"ApprovalId": {
				"type": "object",
				"required": ["approval_id"],
				"properties": {"approval_id": {"type": "string", "format": "uuid"}}
			},
			"ApprovalStatus": {
				"type": "object",
				"required": ["approval_id", "status"],
				"properties": {
					"approval_id": {"type": "string", "format": "uuid"},
					"status": {"$ref": "#/components/schemas/Status"}
				}
			},
			"WorkflowId": {
				"type": "object",
				"required": ["workflow_id"],
				"properties": {"workflow_id": {"type": "string", "format": "uuid"}}
			},
			"Form": {
				"type": "object",
				"required": ["schema", "ui_schema"],
				"properties": {"schema": {"type": ["object", "boolean"]}, "ui_schema": {"type": "object"}}
			},
			"Results": {
				"type": "object",
				"required": ["results"],
				"properties": {
					"results": {
						"type": "array",
						"items": {
							"type": "object",
							"required": ["approval_id"],
							"properties": {
								"approval_id": {"type": "string", "format": "uuid"},
								"status": {"$ref": "#/components/schemas/Status"},
								"code": {"type": "string"},
								"detail": {"type": "string"},
								"details": {"type": "array", "items": {"type": "string"}}
							},
							"oneOf": [{"required": ["status"]}, {"required": ["code"]}]
						}
					}
				}
			},
			"Answer": {
				"type": "object",
				"required": ["decision"],
				"additionalProperties": false,
				"properties": {
					"decision": {"$ref": "#/components/schemas/Decision"},
					"response_data": {"description": "what the form asks for"},
					"feedback": {"type": "string"},
					"edits": {
						"type": "object",
						"description": "with decision modified: a merge patch (RFC 7396) of context_data"
					},
					"content_hash": {
						"type": "string",
						"pattern": "^[0-9a-fA-F]{64}$",
						"description": "of what was shown; needed once the request was changed"
					}
				}
			},
			"Answers": {
				"type": "object",
				"required": ["approval_ids", "decision"],
				"additionalProperties": false,
				"properties": {
					"approval_ids": {
						"type": "array",
						"minItems": 1,
						"maxItems": 100,
						"items": {"type": "string", "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"}
					},
					"decision": {"$ref": "#/components/schemas/Decision"},
					"response_data": {},
					"feedback": {"type": "string"}
				}
			},
			"NewApproval": {
				"type": "object",
				"required": ["title"],
				"additionalProperties": false,
				"properties": {
					"title": {"type": "string", "minLength": 1},
					"description": {"type": "string"},
					"approval_type": {"type": "string"},
					"requested_from": {"type": "string"},
					"required_approvers": {"type": "array", "items": {"type": "string"}},
					"approval_threshold": {"type": "integer", "minimum": 1, "maximum": 1000000},
					"timeout_hours": {"type": "number", "exclusiveMinimum": 0},
					"context_data": {"type": "object"},
					"workflow_id": {"type": "string", "format": "uuid"},
					"channels": {"type": "array", "items": {"type": "string"}},
					"policy": {
						"description": "in the place of requested_from, required_approvers and approval_threshold"
					},
					"form_fields": {"description": "of the types form and budget"},
					"webhook": {
						"description": "one that is told of this request, beside the channels",
						"type": "object",
						"required": ["url"],
						"additionalProperties": false,
						"properties": {
							"url": {"type": "string", "minLength": 1},
							"headers": {"type": "object", "additionalProperties": {"type": "string"}}
						}
					}
				}
			},
			"Cancellation": {"type": "object", "additionalProperties": false, "properties": {"reason": {"type": "string"}}},
			"NewWorkflow": {
				"type": "object",
				"required": ["template"],
				"additionalProperties": false,
				"properties": {
					"template": {"type": "string", "minLength": 1},
					"version": {"type": "integer", "minimum": 1, "maximum": 2147483647},
					"input_data": {"type": "object"},
					"name": {"type": "string"},
					"start_at": {"type": "string", "format": "date-time"},
					"deadline": {"type": "string", "format": "date-time"},
					"priority": {"type": "integer", "minimum": 0, "maximum": 9}
				}
			},
			"Workflow": {
				"type": "object",
				"required": ["workflow_id", "name", "status", "owner"],
				"properties": {
					"workflow_id": {"type": "string", "format": "uuid"},
					"name": {"type": "string"},
					"status": {"type": "string"},
					"owner": {"type": "string"}
				}
			}
		}
	}
}$$::jsonb;
COMMENT ON FUNCTION hitl.openapi() IS 'the description of the JSON API: an OpenAPI 3.1 document';

CREATE FUNCTION hitl.api_schema(name text) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN jsonb_build_object('$ref', '#/$defs/' || name, '$defs',
		replace((hitl.openapi() -> 'components' -> 'schemas')::text, '#/components/schemas/', '#/$defs/')::jsonb);
COMMENT ON FUNCTION hitl.api_schema(text) IS 'one of the schemas of the description of the API, by itself';

CREATE FUNCTION hitl.http_openapi(request jsonb) RETURNS jsonb
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	RETURN hitl.http_json(hitl.openapi());
COMMENT ON FUNCTION hitl.http_openapi(jsonb) IS 'GET /api/v1/openapi.json: the description of the API';

INSERT INTO hitl.http_routes (method, path, function, description) VALUES
	('GET', '/api/v1/openapi.json', 'hitl.http_openapi(jsonb)', 'the description of the API');
