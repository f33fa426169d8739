import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { createHelm } from '../actions/helm-rollback/helm.ts'
import { VOCABULARY } from '../app/vocabulary.ts'
import { type Config, openToWire } from '../config.ts'
import { policiesInForce } from '../domain/guard-entries.ts'
import type { PolicySet } from '../policies/load.ts'
import { loadPolicyPath, PolicyFileMissing } from '../policies/store.ts'
import { type Finding, fine, trouble } from './finding.ts'

/** Free bytes that are enough for a storm of some 100,000 alerts and the audit log of a year. */
const ROOM_BYTES = 1024 ** 3

/** Checks the policies. Where they do not load there is no set, and what depends on one is not checked. */
export async function checkPolicies(path: string): Promise<{ readonly findings: readonly Finding[]; readonly set?: PolicySet }> {
  try {
    const result = await loadPolicyPath(path, VOCABULARY)
    if (result.kind === 'loaded') {
      const modes = [...Map.groupBy(result.set.policies, policy => policy.mode)].map(([mode, list]) => `${list.length} ${mode}`)
      const warnings = result.set.warnings.map(({ file, line, column, message }) =>
        trouble('policies', 'warning', `${file}:${line}:${column} ${message}`, 'docs/policies.md says how such a query is written')
      )
      return { findings: [fine('policies', `${path}: ${modes.join(', ') || 'none'}`), ...warnings], set: result.set }
    }
    return {
      findings: result.problems.map(problem =>
        trouble(
          'policies',
          'bad',
          `${problem.file}:${problem.line}:${problem.column} ${problem.message}`,
          'mend it; `astern validate` checks again'
        )
      )
    }
  } catch (cause) {
    if (!(cause instanceof PolicyFileMissing)) throw cause
    return { findings: [trouble('policies', 'bad', cause.message, 'write one: docs/policies.md')] }
  }
}

export function checkDataFolder(folder: string): Finding {
  const there = existsSync(folder) ? folder : nearestParent(resolve(folder))
  try {
    accessSync(there, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    return trouble(
      'data folder',
      'bad',
      `${there} cannot be written to by this user`,
      'give --data-dir a folder that it may write, or change its owner'
    )
  }
  const { bavail, bsize } = statfsSync(there)
  const free = bavail * bsize
  const detail = `${folder} ${there === folder ? 'can be written to' : 'can be made'}, ${(free / 1024 ** 3).toFixed(1)} GiB free`
  return free < ROOM_BYTES
    ? trouble('data folder', 'warning', detail, 'make room: a full disk stops the intake (senders get 503)')
    : fine('data folder', detail)
}

function nearestParent(path: string): string {
  return existsSync(path) ? path : nearestParent(dirname(path))
}

/** Checks whether helm is here, and in which version, where a policy rolls releases back. */
export async function checkHelm(config: Config, set: PolicySet, signal: AbortSignal): Promise<readonly Finding[]> {
  if (!policiesInForce(set).some(policy => policy.steps.some(step => step.action === 'helm-rollback'))) return []
  const major = await createHelm(config.helm).major(signal)
  return [
    major.kind === 'done'
      ? fine('helm', `${config.helm.program}, version ${major.value}`)
      : trouble('helm', 'bad', major.detail, 'install helm 3 or 4, or say where it is with --helm: every helm-rollback would be denied')
  ]
}

export function checkAccess(config: Config): Finding {
  const callers = config.tokensFile === undefined ? 'no tokens: everyone on this machine, nobody else' : `tokens in ${config.tokensFile}`
  const detail = `${config.listen.host}:${config.listen.port}, ${callers}, at most ${config.mode}`
  const open = openToWire(config)
  return open === undefined
    ? fine('who may call', detail)
    : trouble('who may call', 'warning', `${detail}; ${open.told}`, `${open.todo}; nothing, where a mesh encrypts what goes between pods`)
}
