import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { insertRows, storeDeliveries } from './sqlite-intake.ts'
import type { SqliteCall, SqliteRequest, SqliteResponse } from './sqlite-thread.ts'

/** Statements kept prepared; the ledger has some fifty texts, plus lists of different lengths. */
const KEPT_STATEMENTS = 200

interface Prepared {
  readonly statement: StatementSync
  readonly reads: boolean
}

function preparing(database: DatabaseSync): (sql: string) => Prepared {
  const kept = new Map<string, Prepared>()
  return sql => {
    const found = kept.get(sql)
    if (found !== undefined) return found
    const statement = database.prepare(sql)
    if (kept.size >= KEPT_STATEMENTS) kept.delete(kept.keys().next().value ?? '')
    const prepared = { statement, reads: statement.columns().length > 0 }
    kept.set(sql, prepared)
    return prepared
  }
}

const port = parentPort
if (port === null) throw new Error('this file is the ledger’s thread; it does nothing by itself')
const { file, readOnly, pragmas }: { readonly file: string; readonly readOnly: boolean; readonly pragmas: string } = workerData
const database = new DatabaseSync(file, { readOnly })
database.exec(pragmas)
const prepare = preparing(database)
// With the write-ahead log a second connection reads what is committed, while the first is in a transaction.
const reader = readOnly ? database : new DatabaseSync(file, { readOnly: true })
reader.exec('pragma busy_timeout = 5000')
const prepareRead = preparing(reader)

function carryOut(request: SqliteRequest): unknown {
  switch (request.op) {
    case 'query': {
      const { statement, reads } = prepare(request.sql)
      return reads ? { rows: statement.all(...request.values) } : { rows: [], changed: statement.run(...request.values) }
    }
    case 'read':
      return { rows: prepareRead(request.sql).statement.all(...request.values) }
    case 'run-each': {
      const { statement } = prepare(request.sql)
      for (const values of request.each) statement.run(...values)
      return undefined
    }
    case 'insert':
      return insertRows(sql => prepare(sql).statement, request.table, request.rows)
    case 'exec':
      return database.exec(request.sql)
    case 'intake':
      return storeDeliveries(sql => prepare(sql).statement, request.deliveries, request.ids)
    case 'transaction':
      return inTransaction(() => carryOut(request.request))
    case 'close':
      if (reader !== database) reader.close()
      database.close()
      return undefined
  }
}

function inTransaction(work: () => unknown): unknown {
  database.exec('begin')
  try {
    const value = work()
    database.exec('commit')
    return value
  } catch (cause) {
    if (database.isTransaction) database.exec('rollback')
    throw cause
  }
}

function answer({ id, request }: SqliteCall): SqliteResponse {
  try {
    return { id, ok: true, value: carryOut(request) }
  } catch (cause) {
    return { id, ok: false, message: cause instanceof Error ? cause.message : String(cause) }
  }
}

port.on('message', (calls: readonly SqliteCall[]) => {
  port.postMessage(calls.map(answer))
  if (calls.some(call => call.request.op === 'close')) port.close()
})
port.postMessage([{ id: 0, ok: true, value: undefined }] satisfies SqliteResponse[])
