/**
 * The example resource: tasks, with their input checked before a handler sees it.
 *
 * The schemas are the rules; the types beside them say the same to the compiler. `openapi.yaml` says
 * it to clients.
 */
import type { FastifyInstance } from "fastify";

import { ProblemError } from "../problem.js";
import type { Task, TaskChanges, TaskStore } from "./store.js";

const title = { type: "string", minLength: 1, maxLength: 200, pattern: "\\S" } as const;

const task = {
  type: "object",
  required: ["id", "title", "done", "createdAt"],
  properties: {
    id: { type: "string" },
    title: { type: "string" },
    done: { type: "boolean" },
    createdAt: { type: "string" },
  },
} as const;

const newTask = {
  type: "object",
  required: ["title"],
  additionalProperties: false,
  properties: { title },
} as const;

const taskChanges = {
  type: "object",
  minProperties: 1,
  additionalProperties: false,
  properties: { title, done: { type: "boolean" } },
} as const;

const taskPath = {
  type: "object",
  required: ["id"],
  properties: { id: { type: "string", format: "uuid" } },
} as const;

// A query is text, and input is never converted (see `app.ts`): the patterns say which text is a number.
const pageQuery = {
  type: "object",
  additionalProperties: false,
  properties: {
    limit: { type: "string", pattern: "^([1-9][0-9]?|100)$", default: "20" },
    cursor: { type: "string", pattern: "^[0-9]{1,15}$", default: "0" },
  },
} as const;

const taskPage = {
  type: "object",
  required: ["items"],
  properties: { items: { type: "array", items: task }, next: { type: "string" } },
} as const;

interface TaskPath {
  id: string;
}

export async function taskRoutes(app: FastifyInstance, { tasks }: { tasks: TaskStore }): Promise<void> {
  app.get<{ Querystring: { limit: string; cursor: string } }>(
    "",
    { schema: { querystring: pageQuery, response: { 200: taskPage } } },
    async ({ query }) => tasks.list(Number(query.cursor), Number(query.limit)),
  );

  app.post<{ Body: { title: string } }>(
    "",
    { schema: { body: newTask, response: { 201: task } } },
    async (request, reply) => {
      const created = await tasks.insert(request.body.title);
      return reply.code(201).header("location", `${request.routeOptions.url}/${created.id}`).send(created);
    },
  );

  app.get<{ Params: TaskPath }>(
    "/:id",
    { schema: { params: taskPath, response: { 200: task } } },
    async ({ params }) => (await tasks.find(params.id)) ?? noSuchTask(params),
  );

  app.patch<{ Params: TaskPath; Body: TaskChanges }>(
    "/:id",
    { schema: { params: taskPath, body: taskChanges, response: { 200: task } } },
    async ({ params, body }): Promise<Task> => (await tasks.update(params.id, body)) ?? noSuchTask(params),
  );

  app.delete<{ Params: TaskPath }>("/:id", { schema: { params: taskPath } }, async ({ params }, reply) => {
    if (!(await tasks.delete(params.id))) noSuchTask(params);
    return reply.code(204).send();
  });
}

function noSuchTask({ id }: TaskPath): never {
  throw new ProblemError(404, `There is no task ${id}.`);
}
