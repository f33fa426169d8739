import { type Compilable, type CompiledQuery, type DialectAdapter, type RawBuilder, sql } from 'kysely'
import type { LedgerTransaction } from './database.ts'

/** Takes the place of a value in a query. Each call gives the value. */
class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * Makes a query of the hot path. The first call builds and compiles its text, and later calls only give the values.
 * Building a query takes some 40 µs with cold caches, which is more than SQLite needs to carry it out.
 */
export function compiledOnce<Name extends string, Row>(
  build: (tx: LedgerTransaction, value: <T extends string | number>(name: Name) => RawBuilder<T>) => Compilable<Row>
): (tx: LedgerTransaction, values: Readonly<Record<Name, string | number>>) => Promise<readonly Row[]> {
  // Each database has one adapter, and each adapter makes its own texts.
  const kept = new WeakMap<DialectAdapter, CompiledQuery<Row>>()
  return async (tx, values) => {
    const { adapter } = tx.query.getExecutor()
    const compiled = kept.get(adapter) ?? build(tx, name => sql`${new Placeholder(name)}`).compile()
    kept.set(adapter, compiled)
    const given = new Map<string, string | number>(Object.entries(values))
    const parameters = compiled.parameters.map(one => (one instanceof Placeholder ? given.get(one.name) : one))
    return (await tx.query.executeQuery<Row>({ ...compiled, parameters })).rows
  }
}
