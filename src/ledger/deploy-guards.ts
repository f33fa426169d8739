import type { Kysely } from 'kysely'
import { DEPLOY_GUARD_STATES, type DeployGuard } from '../domain/deploy-guard.ts'
import { targetKey } from '../domain/objects.ts'
import type { ClaimedGuard, GuardClaim, GuardLedger } from '../domain/ports/guard-ledger.ts'
import { beginRun } from './asked-runs.ts'
import { appendAudit } from './audit-chain.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { outcomeOf, stored, toRunState } from './rows.ts'
import type { Tables } from './tables.ts'
import { takeTurn } from './turns.ts'

/** Keeps deploy guards: each look is saved in one transaction, with the run that it begins. */
export function createGuards({ db, transaction }: Database): GuardLedger {
  return {
    beginGuard: (guard, key, audit) =>
      transaction(async tx => {
        await takeTurn(tx, 'guards')
        const same = tx.query.selectFrom('deploy_guards').selectAll().where('version_key', '=', key)
        // Somebody stopped it: whoever asks anew wants another one.
        const known = await same
          .where(eb => eb.or([eb('result', 'is', null), eb('result', '<>', 'stopped')]))
          .orderBy('id', 'desc')
          .limit(1)
          .executeTakeFirst()
        if (known !== undefined) return { begun: false, guard: await withRun(tx.query, known) }
        await tx.query
          .insertInto('deploy_guards')
          .values({ ...columnsOf(guard), id: guard.id, version_key: key, memory_json: null, owner: null, fence: 0, claim_expires_at: null })
          .execute()
        await appendAudit(tx, audit)
        return { begun: true, guard }
      }),

    async guard(id) {
      const row = await db.selectFrom('deploy_guards').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : withRun(db, row)
    },

    async guardMemory(id) {
      const row = await db.selectFrom('deploy_guards').select('memory_json').where('id', '=', id).executeTakeFirst()
      return row?.memory_json ?? undefined
    },

    async guards(limit, before) {
      const all = db.selectFrom('deploy_guards').selectAll().orderBy('id', 'desc').limit(limit)
      const rows = await (before === undefined ? all : all.where('id', '<', before)).execute()
      return Promise.all(rows.map(row => withRun(db, row)))
    },

    async guardsOf(target, limit) {
      const rows = await db
        .selectFrom('deploy_guards')
        .selectAll()
        .where('target_key', '=', targetKey(target))
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return Promise.all(rows.map(row => withRun(db, row)))
    },

    async guardsUnderWay() {
      const row = await db
        .selectFrom('deploy_guards')
        .select(eb => eb.fn.countAll<number>().as('count'))
        .where('state', '<>', 'ended')
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    async claimGuards(owner, now, leaseMs, atMost) {
      // Mostly no guard is due, and then this must cost no transaction.
      if (atMost <= 0 || (await dueGuards(db, now).limit(1).execute()).length === 0) return []
      return transaction(async tx => {
        const due = tx.unclaimed(dueGuards(tx.query, now).orderBy('next_at').limit(atMost))
        const rows = await tx.query
          .updateTable('deploy_guards')
          .set(eb => ({ owner, fence: eb('fence', '+', 1), claim_expires_at: now + leaseMs }))
          .where('id', 'in', due)
          .returningAll()
          .execute()
        return Promise.all(rows.map(row => claimedOf(tx.query, row, owner)))
      })
    },

    async nextGuardDue() {
      const row = await db
        .selectFrom('deploy_guards')
        .select(eb => eb.fn.min('next_at').as('at'))
        .where('state', '<>', 'ended')
        .where('claim_expires_at', 'is', null)
        .executeTakeFirst()
      return row?.at ?? undefined
    },

    saveGuard: (claim, { guard, memory, key, audit, run, runId, learned }) =>
      transaction(async tx => {
        if (!(await isHeld(tx, claim))) return false
        const begun = run === undefined ? undefined : await beginRun(tx, run.run, run.key, run.audit)
        await tx.query
          .updateTable('deploy_guards')
          .set({
            ...columnsOf(guard),
            owner: null,
            claim_expires_at: null,
            ...(memory === undefined ? {} : { memory_json: memory }),
            ...(key === undefined ? {} : { version_key: key }),
            ...(begun === undefined ? {} : { run_id: begun.id }),
            ...(runId === undefined ? {} : { run_id: runId })
          })
          .where('id', '=', claim.guardId)
          .execute()
        if (learned !== undefined) {
          const row = { at: guard.endedAt ?? guard.nextAt, learned_json: learned }
          await tx.query
            .insertInto('guard_learned')
            .values({ target_key: targetKey(guard.target), ...row })
            .onConflict(conflict => conflict.column('target_key').doUpdateSet(row))
            .execute()
        }
        await appendAudit(tx, audit)
        return true
      }),

    stopGuard: (id, { detail, endedAt }, audit) =>
      transaction(async tx => {
        const row = await tx.locked(tx.query.selectFrom('deploy_guards').selectAll().where('id', '=', id)).executeTakeFirst()
        if (row === undefined) return undefined
        if (row.state !== 'waiting' && row.state !== 'watching') return withRun(tx.query, row)
        const ended = { detail, endedAt, state: 'ended', result: 'stopped' } as const
        const { awaits: _over, ...guard } = stored<DeployGuard>(row.guard_json)
        const stopped: DeployGuard = { ...guard, ...ended }
        await tx.query
          .updateTable('deploy_guards')
          .set(eb => ({ ...columnsOf(stopped), owner: null, claim_expires_at: null, fence: eb('fence', '+', 1) }))
          .where('id', '=', id)
          .execute()
        await appendAudit(tx, audit)
        return stopped
      }),

    async learnedOf(target) {
      const row = await db.selectFrom('guard_learned').select('learned_json').where('target_key', '=', targetKey(target)).executeTakeFirst()
      return row?.learned_json
    }
  }
}

/** Deletes guards that were over before an instant. What was learned of a target stays as long as half a year. */
export async function pruneGuards(tx: LedgerTransaction, before: number): Promise<void> {
  await tx.query.deleteFrom('deploy_guards').where('ended_at', '<', before).execute()
  await tx.query.deleteFrom('guard_learned').where('at', '<', before).execute()
}

/** The identities of a target’s templates that guards passed. */
export async function passedBy(db: Kysely<Tables>, key: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('deploy_guards')
    .select('identity')
    .distinct()
    .where('target_key', '=', key)
    .where('result', '=', 'pass')
    .where('identity', 'is not', null)
    .execute()
  return rows.flatMap(({ identity }) => identity ?? [])
}

function dueGuards(db: Kysely<Tables>, now: number) {
  return db
    .selectFrom('deploy_guards')
    .select('id')
    .where('state', '<>', 'ended')
    .where('next_at', '<=', now)
    .where(eb => eb.or([eb('claim_expires_at', 'is', null), eb('claim_expires_at', '<=', now)]))
}

async function isHeld(tx: LedgerTransaction, { guardId, owner, fence }: GuardClaim): Promise<boolean> {
  const row = await tx.locked(tx.query.selectFrom('deploy_guards').select(['owner', 'fence']).where('id', '=', guardId)).executeTakeFirst()
  return row?.owner === owner && row.fence === fence
}

function columnsOf(guard: DeployGuard) {
  return {
    target_key: targetKey(guard.target),
    state: guard.state,
    next_at: guard.nextAt,
    ended_at: guard.endedAt ?? null,
    result: guard.result ?? null,
    // Without an entry nobody bounds what was tolerated: such a pass proves nothing that a later undo may rest on.
    identity: guard.entry === undefined ? null : (guard.version?.identity ?? null),
    guard_json: JSON.stringify(guard)
  }
}

async function claimedOf(db: Kysely<Tables>, row: Tables['deploy_guards'], owner: string): Promise<ClaimedGuard> {
  return {
    guard: await withRun(db, row),
    claim: { guardId: row.id, owner, fence: row.fence },
    ...(row.memory_json === null ? {} : { memory: row.memory_json })
  }
}

/** The guard with its run as that stands now. */
async function withRun(db: Kysely<Tables>, row: Tables['deploy_guards']): Promise<DeployGuard> {
  const guard = stored<DeployGuard>(row.guard_json)
  if (!DEPLOY_GUARD_STATES.includes(guard.state)) throw new Error(`guard ${row.id} has an unknown state`)
  if (row.run_id === null) return guard
  const run = await db
    .selectFrom('runs')
    .select(['id', 'state', 'wrote', 'outcome', 'reason', 'detail'])
    .where('id', '=', row.run_id)
    .executeTakeFirst()
  if (run === undefined) return guard
  const { outcome, reason } = outcomeOf(run)
  return {
    ...guard,
    run: {
      id: run.id,
      state: toRunState(run.state),
      wrote: run.wrote === 1,
      ...(outcome === undefined ? {} : { outcome }),
      ...(reason === undefined ? {} : { reason }),
      ...(run.detail === null ? {} : { detail: run.detail })
    }
  }
}
