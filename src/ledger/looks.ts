import type { Kysely } from 'kysely'
import type { Looks, TargetLooks } from '../domain/looks.ts'
import { type ObjectRef, targetKey } from '../domain/objects.ts'
import type { LedgerTransaction } from './database.ts'
import { stored } from './rows.ts'
import type { Tables } from './tables.ts'

/** What earlier looks at the target saw of its rollout; undefined where nobody looked. */
export async function looksOf(db: Kysely<Tables>, target: ObjectRef): Promise<Looks | undefined> {
  const row = await db.selectFrom('looks').select('looks_json').where('target_key', '=', targetKey(target)).executeTakeFirst()
  return row === undefined ? undefined : stored<Looks>(row.looks_json)
}

/** Keeps the newest look at each of the targets, in place of the one before it. */
export async function keepLooks({ query }: LedgerTransaction, looked: readonly TargetLooks[]): Promise<void> {
  for (const { target, looks } of looked) {
    const row = { at: looks.at, looks_json: JSON.stringify(looks) }
    await query
      .insertInto('looks')
      .values({ target_key: targetKey(target), ...row })
      .onConflict(conflict => conflict.column('target_key').doUpdateSet(row))
      .execute()
  }
}
