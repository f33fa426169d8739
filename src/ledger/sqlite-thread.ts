import type { SQLInputValue } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import type { Delivery } from '../domain/incident.ts'

export type SqliteRequest =
  | { readonly op: 'query'; readonly sql: string; readonly values: readonly SQLInputValue[] }
  /** The same, but of what is committed, whatever transaction is open. */
  | { readonly op: 'read'; readonly sql: string; readonly values: readonly SQLInputValue[] }
  /** One statement, for each list of values. */
  | { readonly op: 'run-each'; readonly sql: string; readonly each: readonly (readonly SQLInputValue[])[] }
  /** Rows of one shape. */
  | {
      readonly op: 'insert'
      readonly table: 'incidents' | 'audit' | 'runs'
      readonly rows: readonly Readonly<Record<string, SQLInputValue>>[]
    }
  /** Several statements without values or results. */
  | { readonly op: 'exec'; readonly sql: string }
  | { readonly op: 'intake'; readonly deliveries: readonly Delivery[]; readonly ids: readonly string[] }
  /** The request between `begin` and `commit`; rolled back where it fails. */
  | { readonly op: 'transaction'; readonly request: SqliteRequest }
  | { readonly op: 'close' }

export interface SqliteCall {
  readonly id: number
  readonly request: SqliteRequest
}

export type SqliteResponse =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly message: string }

/** An SQLite database in a thread of its own: no commit, however slow the disk, holds up what this process answers. */
export interface SqliteThread {
  /** @throws Error with SQLite's own message. */
  call(request: SqliteRequest): Promise<unknown>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (cause: unknown) => void
}

/** @throws Error where the file cannot be opened. */
export async function openSqliteThread(options: {
  readonly file: string
  readonly readOnly?: boolean
  readonly pragmas: string
}): Promise<SqliteThread> {
  const waiting = new Map<number, Waiting>()
  let last = 0
  let dead: Error | undefined
  // The same kind of file as this one: TypeScript in a checkout, JavaScript in the package.
  const worker = new Worker(new URL(import.meta.url.replace(/sqlite-thread\.(\w+)$/, 'sqlite-worker.$1')), {
    workerData: { file: options.file, readOnly: options.readOnly ?? false, pragmas: options.pragmas },
    // Hooks of a test runner are not for this thread.
    execArgv: []
  })
  const end = (cause: unknown): void => {
    dead ??= new Error(`the ledger's thread ended: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    for (const { reject } of waiting.values()) reject(dead)
    waiting.clear()
  }
  worker.on('message', (responses: readonly SqliteResponse[]) => {
    for (const response of responses) {
      const one = waiting.get(response.id)
      waiting.delete(response.id)
      if (response.ok) one?.resolve(response.value)
      else one?.reject(new Error(response.message))
    }
  })
  worker.on('error', end)
  worker.on('exit', code => end(`exit code ${code}`))
  const answer = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) reject(dead)
      else waiting.set(id, { resolve, reject })
    })
  // The thread says 0 when the file is open.
  await answer(0)
  let outgoing: SqliteCall[] = []
  const call = (request: SqliteRequest): Promise<unknown> => {
    last += 1
    // What is asked for in one go of this thread travels together: each message costs more than most queries.
    if (outgoing.length === 0)
      process.nextTick(() => {
        const calls = outgoing
        outgoing = []
        if (dead === undefined) worker.postMessage(calls)
      })
    outgoing.push({ id: last, request })
    return answer(last)
  }
  return {
    call,
    async close() {
      if (dead !== undefined) return
      await call({ op: 'close' })
      await worker.terminate()
    }
  }
}
