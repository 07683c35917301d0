/**
 * Where tasks are kept: the interface that the routes need, and one that forgets.
 */
import { randomUUID } from "node:crypto";

export interface Task {
  readonly id: string;
  readonly title: string;
  readonly done: boolean;
  /** RFC 3339. */
  readonly createdAt: string;
}

export type TaskChanges = Partial<Pick<Task, "title" | "done">>;

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page starts; absent on the last one. */
  readonly next?: number;
}

export interface TaskStore {
  /** Oldest first, from the cursor on; 0 is the beginning. */
  list(cursor: number, limit: number): Promise<Page<Task>>;
  find(id: string): Promise<Task | undefined>;
  insert(title: string): Promise<Task>;
  /** The task as it is now, or nothing if there is none. */
  update(id: string, changes: TaskChanges): Promise<Task | undefined>;
  /** Whether there was one. */
  delete(id: string): Promise<boolean>;
}

interface Row {
  readonly sequence: number;
  readonly task: Task;
}

/** For the first day and for tests: bounded by nothing but memory, and empty after a restart. */
export class MemoryTaskStore implements TaskStore {
  readonly #rows = new Map<string, Row>();
  #nextSequence = 0;

  // The cursor is a sequence number, not an offset, so deleting tasks never makes a reader skip one.
  async list(cursor: number, limit: number): Promise<Page<Task>> {
    const items: Task[] = [];
    for (const { sequence, task } of this.#rows.values()) {
      if (sequence < cursor) continue;
      if (items.length === limit) return { items, next: sequence };
      items.push(task);
    }
    return { items };
  }

  async find(id: string): Promise<Task | undefined> {
    return this.#rows.get(id)?.task;
  }

  async insert(title: string): Promise<Task> {
    const task: Task = { id: randomUUID(), title, done: false, createdAt: new Date().toISOString() };
    this.#rows.set(task.id, { sequence: this.#nextSequence++, task });
    return task;
  }

  async update(id: string, changes: TaskChanges): Promise<Task | undefined> {
    const row = this.#rows.get(id);
    if (row === undefined) return undefined;
    const task: Task = { ...row.task, ...changes };
    this.#rows.set(id, { ...row, task });
    return task;
  }

  async delete(id: string): Promise<boolean> {
    return this.#rows.delete(id);
  }
}
