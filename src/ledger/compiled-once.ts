import { type Compilable, type CompiledQuery, type DialectAdapter, type RawBuilder, sql } from 'kysely'
import type { LedgerTransaction } from './database.ts'

/** Stands in a query for a value that each call gives. */
class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * Makes a query of the hot path, whose text is built and compiled at the first call; later calls only give its values.
 * Building a query takes some 40 µs where the caches are cold: more than SQLite needs to carry it out.
 */
export function compiledOnce<Name extends string, Row>(
  build: (tx: LedgerTransaction, value: <T extends string | number>(name: Name) => RawBuilder<T>) => Compilable<Row>
): (tx: LedgerTransaction, values: Readonly<Record<Name, string | number>>) => Promise<readonly Row[]> {
  // There is one adapter a database, and each has words of its own.
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
