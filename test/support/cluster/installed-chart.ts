import type { Test } from 'tap'
import { listAt, textAt } from '../../../src/base/json.ts'
import { ok, type TestClients } from '../conformance/clients.ts'
import type { ControlPlane } from './control-plane.ts'
import { HELMS } from './go-build.ts'
import { manifests, openHelm } from './helm.ts'

export interface Installed {
  readonly token: string
  readonly user: string
  /** `get deployments.apps`, …: what the chart's Role or ClusterRole says. */
  readonly granted: ReadonlySet<string>
}

export interface Stage {
  readonly plane: ControlPlane
  readonly admin: TestClients
}

/** Installs the chart, with the newer helm, into a namespace of its own. */
export async function install(t: Test, { plane, admin }: Stage, name: string, values: readonly string[]): Promise<Installed> {
  const program = HELMS.at(-1)
  if (program === undefined) throw new Error('no helm')
  const helm = await openHelm(t, program, plane.kubeconfig)
  await helm('install', 'astern', 'charts/astern', '-n', name, '--create-namespace', '--set', 'tokens.existingSecret=t', ...values)
  const granted = manifests(await helm('get', 'manifest', 'astern', '-n', name))
    .filter(object => object['kind'] === 'Role' || object['kind'] === 'ClusterRole')
    .flatMap(role => listAt(role, 'rules'))
    .flatMap(rule =>
      listAt(rule, 'apiGroups').flatMap(group =>
        listAt(rule, 'resources').flatMap(resource =>
          listAt(rule, 'verbs').map(verb => `${String(verb)} ${String(resource)}${group === '' ? '' : `.${String(group)}`}`)
        )
      )
    )
  const path = `/api/v1/namespaces/${name}/serviceaccounts/astern/token`
  const answer = ok(await admin.kube.post(path, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }))
  return {
    token: textAt(answer, 'status', 'token') ?? '',
    user: `system:serviceaccount:${name}:astern`,
    granted: new Set(granted)
  }
}

/** What the service account asked for, by how it was answered; what everybody may ask about themselves apart. */
export async function asked(
  { plane }: Pick<Stage, 'plane'>,
  user: string
): Promise<{ readonly used: ReadonlySet<string>; readonly denied: ReadonlySet<string> }> {
  const events = (await plane.audit()).filter(
    event => event.user === user && event.resource !== '' && !event.resource.startsWith('selfsubject')
  )
  const of = (wanted: (code: number) => boolean) =>
    new Set(events.filter(event => wanted(event.code)).map(event => `${event.verb} ${event.resource}`))
  return { used: of(code => code < 400), denied: of(code => code === 403) }
}
