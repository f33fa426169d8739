import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { at, isObject, listAt, textAt, textMap } from '../base/json.ts'
import type { Declared } from '../domain/declared.ts'
import { listKept } from '../domain/long-list.ts'
import { KINDS } from '../domain/objects.ts'
import type { Kube } from '../domain/ports/kube.ts'
import type { Touched } from '../domain/touched.ts'
import { isUnreadable, manifestObjects } from '../templates/manifest.ts'
import type { IsNamespaced } from './api-scopes.ts'
import { keptMetadata } from './kept.ts'

/** `absent`: there is no such release. `unread`: its contents may not be read, are not read here, or cannot be understood. */
export type Contents =
  | { readonly kind: 'listed'; readonly lists: readonly Touched[]; readonly declares?: readonly DeclaredObject[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unread'; readonly detail: string }

/** An object whose pod template a release declares. */
export interface DeclaredObject {
  readonly object: Touched
  readonly template: Declared
}

/** What one revision of a release says. */
interface Said {
  readonly lists: readonly Touched[]
  readonly declares: readonly DeclaredObject[]
}

/** A release, by the namespace in which Helm keeps it. */
export interface ReleasePlace {
  readonly namespace: string
  readonly name: string
  /** Where its objects go that name no namespace. Helm itself keeps a release there; Flux may keep it elsewhere. */
  readonly objectsIn?: string
}

export type ReleaseContents = (place: ReleasePlace, signal: AbortSignal) => Promise<Contents>

/** A release is stored in one Secret of at most 1 MiB. This is many times what a real one unpacks to; a bomb unpacks to more. */
const UNPACKED_BYTES = 32 * 1024 * 1024
/** How many releases are kept in memory, only by the names of their objects and by digests. */
const KEPT = 256

const unpack = promisify(gunzip)

/**
 * Reads what releases list: the deployed revision, and a newer one that failed or is under way. Neither values nor templates are
 * kept, but for hashes. A Secret that has not changed is not read again.
 */
export function createReleaseContents(kube: Pick<Kube, 'get' | 'metadata'>, isNamespaced: IsNamespaced): ReleaseContents {
  const kept = new Map<string, Said>()

  async function listsOf({ namespace, objectsIn = namespace }: ReleasePlace, item: unknown, signal: AbortSignal): Promise<Said | string> {
    const key = `${textAt(item, 'metadata', 'uid') ?? ''}/${textAt(item, 'metadata', 'resourceVersion') ?? ''}/${objectsIn}`
    const known = kept.get(key)
    if (known !== undefined) return known
    const name = textAt(item, 'metadata', 'name') ?? ''
    const secret = await kube.get(`/api/v1/namespaces/${namespace}/secrets/${encodeURIComponent(name)}`, signal)
    if (secret.kind !== 'ok') return secret.detail
    const release = await decoded(textAt(secret.object, 'data', 'release') ?? '')
    if (release === undefined) return `the contents of ${name} cannot be read`
    const lists: Touched[] = []
    const declares: DeclaredObject[] = []
    let sure = true
    for (const text of [textAt(release, 'manifest') ?? '', ...listAt(release, 'hooks').map(hook => textAt(hook, 'manifest') ?? '')]) {
      const objects = await manifestObjects(text)
      if (isUnreadable(objects)) return `the manifest of ${name} cannot be read`
      for (const { apiVersion, kind, name: of, namespace: written, oneWay, template } of objects) {
        const known = await isNamespaced(apiVersion, kind, signal)
        if (known === 'no-answer') return `the API does not say where ${apiVersion} ${kind} is kept`
        if (known === undefined) sure = false
        // A kind that the API does not know counts as one without namespaces, which is the stricter way. Those of targets have them.
        const scoped = known ?? kind in KINDS
        const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
        const object = { kind, group, name: of, ...(scoped ? { namespace: written ?? objectsIn } : {}) }
        lists.push({ ...object, ...(oneWay ? { oneWay } : {}) })
        if (template !== undefined) declares.push({ object, template })
      }
    }
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value ?? '')
    const said = { lists, declares }
    if (sure) kept.set(key, said)
    return said
  }

  return async (place, signal) => {
    const { namespace, name } = place
    const selector = encodeURIComponent(`owner=helm,name=${name}`)
    const path = `/api/v1/namespaces/${namespace}/secrets?labelSelector=${selector}`
    const answer = await listKept((page, until) => kube.metadata(page, until), path, keptMetadata, signal)
    if (answer.kind !== 'ok') return { kind: 'unread', detail: answer.detail }
    const revisions = answer.items
      .map(item => ({ item, labels: textMap(at(item, 'metadata', 'labels')) }))
      .filter(({ labels }) => /^\d+$/.test(labels['version'] ?? ''))
      .sort((a, b) => Number(b.labels['version']) - Number(a.labels['version']))
    const [newest] = revisions
    if (newest === undefined) return { kind: 'absent' }
    const deployed = revisions.find(({ labels }) => labels['status'] === 'deployed')
    const said: Said[] = []
    for (const { item } of new Set([newest, deployed ?? newest])) {
      const found = await listsOf(place, item, signal)
      if (typeof found === 'string') return { kind: 'unread', detail: found }
      said.push(found)
    }
    return { kind: 'listed', lists: said.flatMap(({ lists }) => lists), declares: said.flatMap(({ declares }) => declares) }
  }
}

/** Kubernetes' base64 of Helm's base64 of gzip of JSON (facts C.5). */
async function decoded(data: string): Promise<unknown> {
  const inner = Buffer.from(Buffer.from(data, 'base64').toString('utf8'), 'base64')
  try {
    const packed = inner[0] === 0x1f && inner[1] === 0x8b
    const text = packed ? await unpack(inner, { maxOutputLength: UNPACKED_BYTES }) : inner
    const release: unknown = JSON.parse(text.toString('utf8'))
    return isObject(release) ? release : undefined
  } catch {
    return undefined
  }
}
