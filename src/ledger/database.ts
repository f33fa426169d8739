import type { ColumnDefinitionBuilder, Kysely, SelectQueryBuilder, Transaction } from 'kysely'
import type { KnownIncident } from './alert-effect.ts'
import type { IncidentKey } from './intake-plan.ts'
import type { Tables } from './tables.ts'

/**
 * Everything in which databases differ. The ledger's own files use only this and kysely's query builder, so they work with every
 * database. A folder beside them (`sqlite/`) implements it. Each comment says what SQLite does and what PostgreSQL will do.
 */
export interface Database {
  /**
   * Makes queries outside a transaction. They read what is committed, and each statement that writes is a transaction of its own.
   * SQLite: a connection of its own for reading. PostgreSQL: one of the pool, `bigint` parsed as a number.
   */
  readonly db: Kysely<Tables>
  /**
   * Carries out the work in one transaction, and resolves when the disk has it. Where the work throws, it is rolled back. The work
   * must change nothing outside its transaction, because it may be carried out twice.
   * SQLite: takes the only lock for writing before the work begins, so two transactions never overlap.
   * PostgreSQL: `read committed`; carries the work out again when the server ended it because of a deadlock (40P01).
   */
  transaction<T>(work: (tx: LedgerTransaction) => Promise<T>): Promise<T>
  readonly schema: SchemaDialect
}

/** What a transaction does differently in each database. */
export interface LedgerTransaction {
  readonly query: Transaction<Tables>
  /**
   * Reads rows, and keeps others from writing them until this transaction ends. Code that decides by what it reads uses this.
   * SQLite: as the query stands, because the transaction holds the only lock for writing. PostgreSQL: `for update`.
   */
  locked<Table extends keyof Tables, Row>(query: SelectQueryBuilder<Tables, Table, Row>): SelectQueryBuilder<Tables, Table, Row>
  /**
   * Reads rows that nobody else is claiming at this moment, and leaves the others out without waiting for them.
   * SQLite: as the query stands, for the same reason. PostgreSQL: `for update skip locked`.
   */
  unclaimed<Table extends keyof Tables, Row>(query: SelectQueryBuilder<Tables, Table, Row>): SelectQueryBuilder<Tables, Table, Row>
  /**
   * Adds rows by the thousand, all with the columns of the first.
   * SQLite: one prepared statement, run row by row. PostgreSQL: `insert … select from unnest(…)`, an array per column.
   */
  insertMany<Table extends ManyInserted>(table: Table, rows: readonly Tables[Table][]): Promise<void>
  /**
   * Adds the label sets that are not there yet.
   * SQLite: one prepared `insert or ignore`, run row by row. PostgreSQL: the same as above, `on conflict do nothing`.
   */
  keepLabelSets(rows: readonly Tables['label_sets'][]): Promise<void>
  /**
   * Changes incidents by the thousand, each to values of its own; all with the columns of the first.
   * SQLite: one prepared statement, run row by row. PostgreSQL: `update … from unnest(…)`, an array per column.
   */
  updateIncidents(changes: readonly IncidentChange[]): Promise<void>
  /** The same for runs. Their state is never among the changes: see `run-moves.ts`. */
  updateRuns(changes: readonly RunRowChange[]): Promise<void>
  /**
   * The newest incident of each source and identity that has one, by the key. Until this transaction ends nobody else
   * opens or changes an incident of these keys: two handles that receive one new alert open one incident.
   * SQLite: two prepared statements a key. PostgreSQL: `pg_advisory_xact_lock` of each key, in the order of the keys, since a
   * row that is not there yet cannot be locked; then the newest of each, `for update`.
   */
  newestIncidents(keys: ReadonlyMap<string, IncidentKey>): Promise<ReadonlyMap<string, KnownIncident>>
}

export type ManyInserted = 'deliveries' | 'incidents' | 'audit' | 'runs'

export type IncidentChange = Pick<Tables['incidents'], 'id'> & Partial<Tables['incidents']>

export type RunRowChange = Pick<Tables['runs'], 'id'> & Partial<Omit<Tables['runs'], 'state'>>

/** How the definitions of tables differ. */
export interface SchemaDialect {
  /**
   * The type of a key that counts rows. SQLite: `integer`, which is then the table's own order and needs no index beside
   * it. PostgreSQL: `bigint`.
   */
  readonly rowNumber: 'integer' | 'bigint'
  /** A key that numbers itself. SQLite: `autoincrement`. PostgreSQL: `generated always as identity`. */
  selfNumbering(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder
  /**
   * Makes the database itself refuse to change audit rows, or to delete those behind `audit_head.base_seq`.
   * SQLite: two triggers. PostgreSQL: a function in PL/pgSQL that raises, and the same two triggers.
   */
  makeAuditAppendOnly(db: Kysely<unknown>): Promise<void>
}
