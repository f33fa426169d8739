import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { isObject, type JsonObject, objectAt, textAt } from '../../../src/base/json.ts'
import { type ObjectRef, objectPath } from '../../../src/domain/objects.ts'
import { ok, type TestClients } from '../conformance/clients.ts'
import { HANG_MS } from '../hang.ts'
import { GITOPS_CRDS, obtainModuleFiles } from './go-build.ts'

/** The real kinds of Argo CD and Flux, so that the API server itself checks what is written to them. */
export async function installGitopsKinds({ kube }: TestClients): Promise<void> {
  for (const crds of GITOPS_CRDS) for (const file of await obtainModuleFiles(crds)) await installKind({ kube }, file)
}

export async function installKind({ kube }: Pick<TestClients, 'kube'>, file: string): Promise<void> {
  const crd: unknown = parse(readFileSync(file, 'utf8'), { maxAliasCount: -1 })
  if (!isObject(crd)) throw new Error(`${file} is no object`)
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const made = await kube.post(path, crd)
  if (made.kind === 'error' && made.status !== 409) throw new Error(`${file}: ${made.detail}`)
  const until = Date.now() + HANG_MS
  for (;;) {
    const read = ok(await kube.get(`${path}/${textAt(crd, 'metadata', 'name') ?? ''}`))
    const conditions = objectAt(read, 'status')['conditions']
    const established =
      Array.isArray(conditions) &&
      conditions.some(condition => textAt(condition, 'type') === 'Established' && textAt(condition, 'status') === 'True')
    if (established) return
    if (Date.now() > until) throw new Error(`${file} was not established`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** Stands in for the controllers of Argo CD and Flux: puts what Git says back, as long as its object does not say otherwise. */
export interface Reconciler {
  /** What Git says of the image. */
  git: string
  /** How often it found something else, and put Git's back. */
  readonly reverts: string[]
  stop(): void
}

export function startReconciler(
  { kube }: Pick<TestClients, 'kube'>,
  target: ObjectRef,
  options: { readonly owner: string; readonly manager: string; readonly git: string; readonly enforces: (owner: JsonObject) => boolean }
): Reconciler {
  let looking = false
  const reconciler: Reconciler = { git: options.git, reverts: [], stop: () => clearInterval(timer) }
  const look = async (): Promise<void> => {
    if (looking) return
    looking = true
    try {
      const owner = await kube.get(options.owner)
      const object = await kube.get(objectPath(target))
      if (owner.kind !== 'ok' || object.kind !== 'ok' || !options.enforces(owner.object)) return
      const image = textAt(object.object, 'spec', 'template', 'spec', 'containers', 0, 'image')
      if (image === reconciler.git) return
      const path = '/spec/template/spec/containers/0/image'
      ok(await kube.jsonPatch(`${objectPath(target)}?fieldManager=${options.manager}`, [{ op: 'replace', path, value: reconciler.git }]))
      reconciler.reverts.push(image ?? '')
    } finally {
      looking = false
    }
  }
  const timer = setInterval(() => void look().catch(() => {}), 500)
  return reconciler
}
