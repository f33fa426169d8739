import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { IncidentChange, ManyInserted, RunRowChange } from '../database.ts'
import type { Tables } from '../tables.ts'

// Prepared statements are run row by row. For SQLite that is several times quicker than one long statement, whose text has to be
// built and parsed each time.

/** Finds or makes the prepared statement of a text. */
export type Prepare = (sql: string) => StatementSync

/** Adds rows of one shape. The columns are in the order of the first row. A label set that is there already stays as it is. */
export function insertRows<Table extends ManyInserted | 'label_sets'>(
  prepare: Prepare,
  table: Table,
  rows: readonly Tables[Table][]
): void {
  const [first] = rows
  if (first === undefined) return
  const columns = Object.keys(first)
  const insert = prepare(
    `insert ${table === 'label_sets' ? 'or ignore ' : ''}into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`
  )
  for (const row of rows) insert.run(...valuesOf(row, columns.length))
}

/** Changes rows by their `id`, each to values of its own. All rows have the columns of the first. */
export function updateRows(prepare: Prepare, table: 'incidents' | 'runs', changes: readonly (IncidentChange | RunRowChange)[]): void {
  const [first] = changes
  if (first === undefined) return
  const { id: _, ...values } = first
  const columns = Object.keys(values)
  const update = prepare(`update ${table} set ${columns.map(column => `${column} = ?`).join(', ')} where id = ?`)
  for (const { id, ...row } of changes) update.run(...valuesOf(row, columns.length), id)
}

function valuesOf(row: Readonly<Record<string, SQLInputValue>>, columns: number): readonly SQLInputValue[] {
  const values = Object.values(row)
  if (values.length !== columns) throw new Error(`a row has ${values.length} columns, and the first one ${columns}`)
  return values
}
