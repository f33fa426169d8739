import { canonicalJson, isObject, type JsonObject, listAt, textAt } from '../base/json.ts'
import type { GivenUp, Tools } from '../domain/action.ts'
import type { PatchOperation, PatchWrite, Plan, Write } from '../domain/plan.ts'
import { FIELD_MANAGER, type KubeAnswer } from '../domain/ports/kube.ts'
import { toNotApplied } from '../domain/write-result.ts'

/** An object that Astern wrote. */
export interface OwnedPlace {
  readonly path: string
  readonly uid: string
  /** Reads it, where Astern has no right to get a single one. */
  readonly read?: (signal: AbortSignal) => Promise<KubeAnswer>
}

/** How often it is tried: others write their own entries, and move the place of Astern's. */
const ATTEMPTS = 4
/** Between two tries, where the API server does not say for how long to wait, milliseconds. */
const PAUSE_MS = 1_000
/** A run does not wait for longer than this at its end, milliseconds. */
const LONGEST_PAUSE_MS = 10_000

type Try = GivenUp | { readonly kind: 'again'; readonly detail: string; readonly afterMs: number }

/**
 * Takes Astern's own entries out of an object's `managedFields`. Whoever deploys by server-side apply then finds no conflict with
 * "astern". The patch tests uid, spec and manager, and is tried without storing it first: a webhook that would touch the spec on this
 * occasion would begin a rollout, and then the entry stays. Nothing is given up twice: a second call finds nothing.
 */
export async function giveUpEntries(tools: Pick<Tools, 'kube' | 'clock'>, place: OwnedPlace, signal: AbortSignal): Promise<GivenUp> {
  for (let attempt = 1; ; attempt += 1) {
    const tried = await tryOnce(tools, place, signal)
    if (tried.kind !== 'again') return tried
    if (attempt === ATTEMPTS) return keeps(tried.detail, place.path, [])
    await tools.clock.sleep(Math.min(tried.afterMs, LONGEST_PAUSE_MS), signal)
  }
}

/** The same for the object that a patch wrote. The uid is that of the patch's own precondition. */
export function giveUpPatched<W extends Write & Pick<PatchWrite, 'path' | 'operations'>>(
  tools: Pick<Tools, 'kube' | 'clock'>,
  { write }: Plan<W>,
  signal: AbortSignal
): Promise<GivenUp> {
  return giveUpEntries(tools, { path: write.path, uid: testedUid(write) }, signal)
}

/** The uid that a patch tests. @throws Error where it tests none: no write of Astern's goes without */
export function testedUid({ operations }: Pick<PatchWrite, 'operations'>): string {
  const tested = operations.find(({ op, path }) => op === 'test' && path === '/metadata/uid')?.value
  if (typeof tested !== 'string') throw new Error('a patch without the uid of its object')
  return tested
}

async function tryOnce({ kube }: Pick<Tools, 'kube'>, place: OwnedPlace, signal: AbortSignal): Promise<Try> {
  const { path, uid, read = signal => kube.get(path, signal) } = place
  const found = await read(signal)
  if (found.kind !== 'ok') return afterwards(found, path)
  const { object } = found
  if (textAt(object, 'metadata', 'uid') !== uid) return { kind: 'nothing' }
  const entries = ownEntries(object)
  if (entries.length === 0) return { kind: 'nothing' }
  const patch: readonly PatchOperation[] = [
    { op: 'test', path: '/metadata/uid', value: uid },
    ...(object['spec'] === undefined ? [] : [{ op: 'test' as const, path: '/spec', value: object['spec'] }]),
    ...removalOf(entries)
  ]
  const query = `?fieldManager=${FIELD_MANAGER}`
  const tried = await kube.jsonPatch(`${path}${query}&dryRun=All`, patch, signal)
  if (tried.kind !== 'ok') return afterwards(tried, path, entries)
  if (canonicalJson(tried.object['spec']) !== canonicalJson(object['spec']))
    return keeps('the API server would change its spec on this occasion', path, entries)
  const answer = await kube.jsonPatch(`${path}${query}`, patch, signal)
  if (answer.kind !== 'ok') return afterwards(answer, path, entries)
  return ownEntries(answer.object).length === 0
    ? { kind: 'given-up', detail: `${objectName(path)} has no field of Astern’s any more` }
    : keeps('the API server left the entry where it was', path, entries)
}

/** What an answer that is no success means here: it is gone, may be tried again, or stays as it is. */
function afterwards(answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>, path: string, entries: readonly number[] = []): Try {
  const result = toNotApplied('patch', answer)
  switch (result.kind) {
    case 'not-found':
      return { kind: 'nothing' }
    case 'conflict':
      return { kind: 'again', detail: result.detail, afterMs: 0 }
    case 'unknown':
    case 'not-now':
    case 'held':
      return { kind: 'again', detail: result.detail, afterMs: result.retryAfterMs ?? PAUSE_MS }
    case 'forbidden':
    case 'rejected':
    case 'refused':
    case 'too-large':
      return keeps(result.detail, path, entries)
  }
}

/** The places of Astern's entries. What it wrote of a status stands in no manifest. */
function ownEntries(object: JsonObject): readonly number[] {
  return listAt(object, 'metadata', 'managedFields').flatMap((entry, index) =>
    isObject(entry) && entry['manager'] === FIELD_MANAGER && entry['operation'] === 'Update' && entry['subresource'] !== 'status'
      ? [index]
      : []
  )
}

/** Each removal moves the entries behind it, so the last goes first. */
function removalOf(entries: readonly number[]): readonly PatchOperation[] {
  return [...entries].reverse().flatMap(index => {
    const entry = `/metadata/managedFields/${index}`
    return [
      { op: 'test', path: `${entry}/manager`, value: FIELD_MANAGER },
      { op: 'test', path: `${entry}/operation`, value: 'Update' },
      { op: 'remove', path: entry }
    ] as const
  })
}

function keeps(why: string, path: string, entries: readonly number[]): GivenUp {
  const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1]
  const command =
    entries.length === 0
      ? ''
      : `, or once: kubectl${namespace === undefined ? '' : ` -n ${decodeURIComponent(namespace)}`} patch ${objectName(path)} --type=json -p '${JSON.stringify(removalOf(entries))}'`
  return {
    kind: 'kept',
    detail: `${objectName(path)} still has fields of Astern’s (${why}): the next server-side apply or helm upgrade that sets them conflicts with "${FIELD_MANAGER}". Use --force-conflicts then${command}`
  }
}

/** `deployments/api` */
function objectName(path: string): string {
  return path.split('/').slice(-2).map(decodeURIComponent).join('/')
}
