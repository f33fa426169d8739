import { type Migration, Migrator } from 'kysely/migration'
import type { Database, SchemaDialect } from '../database.ts'
import { first } from './0001-first.ts'
import { severalWriters } from './0002-several-writers.ts'
import { triggers } from './0003-triggers.ts'
import { symptoms } from './0004-symptoms.ts'
import { fair } from './0006-fair.ts'
import { claims } from './0007-claims.ts'
import { bounded } from './0008-bounded.ts'
import { looks } from './0009-looks.ts'
import { affairs } from './0010-affairs.ts'
import { deployGuards } from './0011-deploy-guards.ts'
import { answers } from './0012-answers.ts'

import { blindness } from './0013-blindness.ts'

/** The migrations, in order. Each runs in one transaction with its own row, so none is ever half done. None is edited after a release. */
const MIGRATIONS: Readonly<Record<string, (schema: SchemaDialect) => Migration>> = {
  '0001-first': first,
  '0002-several-writers': severalWriters,
  '0003-triggers': triggers,
  '0004-symptoms': symptoms,
  '0006-fair': fair,
  '0007-claims': claims,
  '0008-bounded': bounded,
  '0009-looks': looks,
  '0010-affairs': affairs,
  '0011-deploy-guards': deployGuards,
  '0012-answers': answers,
  '0013-blindness': blindness
}

/** Brings the database to this version. @throws Error with the failed migration's name; the database is then as it was before. */
export async function migrate({ db, schema }: Database): Promise<void> {
  const migrations = Object.fromEntries(Object.entries(MIGRATIONS).map(([name, migration]) => [name, migration(schema)]))
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) {
    const failed = results?.find(result => result.status === 'Error')?.migrationName ?? 'unknown'
    throw new Error(`the ledger cannot be brought to this version: migration ${failed} failed`, { cause: error })
  }
}
