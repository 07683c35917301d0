/**
 * Errors as RFC 9457 problem details, the one shape of every answer that is not a success.
 *
 * A client sees the words of an error only if they were written for it: those of a `ProblemError`,
 * of the input validation and of Fastify's own refusals. Anything else is a fault of ours; it is
 * logged in full and answered with a bare 500. `instance` is the request's id in the logs.
 */
import { STATUS_CODES } from "node:http";

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly instance?: string;
  readonly errors?: readonly InvalidInput[];
}

export interface InvalidInput {
  readonly in: "body" | "path" | "query" | "header";
  /** A JSON Pointer (RFC 6901) to the value. */
  readonly pointer: string;
  readonly detail: string;
}

/** An error meant for the client. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

export function answerErrorsAsProblems(app: FastifyInstance): void {
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request, reply) => {
    sendProblem(new ProblemError(404, `There is nothing at ${request.method} ${request.url}.`), request, reply);
  });
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem: Problem = { ...problemOf(error), instance: `urn:uuid:${request.id}` };
  if (problem.status >= 500) {
    request.log.error({ err: error }, "request failed");
  } else {
    request.log.info({ problem }, "request refused");
  }
  // Serialized here, so that a route's own response schemas have no say in the shape of its errors.
  reply.code(problem.status).type("application/problem+json").send(JSON.stringify(problem));
}

function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return untyped(error.status, error.message);
  if (!isFastifyError(error)) return untyped(500);
  if (error.validation !== undefined) {
    return {
      type: "/problems/invalid-input",
      title: "The input is not valid",
      status: 400,
      errors: invalidInputs(error),
    };
  }
  const status = error.statusCode ?? 500;
  return status < 500 ? untyped(status, error.message) : untyped(status);
}

/** A problem that says no more than its status does; RFC 9457 has it carry the status's own title. */
function untyped(status: number, detail?: string): Problem {
  const title = STATUS_CODES[status] ?? "Unknown Error";
  return { type: "about:blank", title, status, ...(detail !== undefined && { detail }) };
}

/**
 * Errors of other libraries may carry a `statusCode` too, an upstream's for instance, with words that
 * are not for our clients; Fastify's own are known by their code.
 */
function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("FST_ERR_");
}

const inputNames = { body: "body", params: "path", querystring: "query", headers: "header" } as const;

// One body can be wrong in thousands of places; no client needs to be told them all.
const MAX_ERRORS = 20;

function invalidInputs(error: FastifyError): InvalidInput[] {
  const place = inputNames[error.validationContext as keyof typeof inputNames] ?? "body";
  return (error.validation ?? []).slice(0, MAX_ERRORS).map(({ instancePath, params, message }) => {
    // The validator reports a missing or an unknown property at its parent; clients look for it by name.
    const property = params["missingProperty"] ?? params["additionalProperty"];
    const step = property === undefined ? "" : `/${escapePointerStep(String(property))}`;
    return { in: place, pointer: `${instancePath}${step}`, detail: message ?? "is not valid" };
  });
}

function escapePointerStep(step: string): string {
  return step.replaceAll("~", "~0").replaceAll("/", "~1");
}
