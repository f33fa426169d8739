import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, type RunningProcess, startProcess } from '../../../src/sandbox/processes.ts'
import { HANG_MS } from '../hang.ts'
import { CONTROL_PLANE, obtain } from './go-build.ts'
import { takePodNetwork } from './pod-network.ts'
import { STAGES } from './stages.ts'

export interface ControlPlane {
  /** Where its pods have their addresses. */
  readonly podCidr: string
  readonly kubeconfig: string
  readonly server: string
  /** Of somebody who may do everything. */
  readonly token: string
  /** File with the certificate that the API server made for itself: it is its own CA. */
  readonly certificate: string
  /** What the API server's own audit log says was asked, one entry a request. */
  audit(): Promise<readonly AuditEvent[]>
  /** Makes etcd forget everything but the present state, as it does every five minutes in production. */
  compact(): Promise<void>
  stop(): Promise<void>
}

export interface AuditEvent {
  readonly verb: string
  readonly user: string
  readonly uri: string
  /** `deployments.apps`, `pods`; empty for what is no resource. */
  readonly resource: string
  readonly namespace: string
  readonly code: number
  readonly userAgent: string
}

const TOKEN = randomBytes(16).toString('hex')

export interface ControlPlaneOptions {
  /** `false`: only etcd and kube-apiserver. Objects are what somebody wrote, and nothing acts on them. */
  readonly controllers?: false
  /** Further flags of kube-apiserver. */
  readonly apiserver?: readonly string[]
}

/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler as in production; kwok plays the node and its kubelet. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const programs = new Map<string, string>()
  for (const program of CONTROL_PLANE) programs.set(program.name, await obtain(program, line => process.stderr.write(`# ${line}\n`)))
  const folder = await mkdtemp(join(tmpdir(), 'astern-control-plane-'))
  const running: RunningProcess[] = []
  const network = await takePodNetwork()
  const stop = async (): Promise<void> => {
    for (const one of running.reverse()) await one.stop()
    network.release()
    await rm(folder, { recursive: true, force: true })
  }
  const start = (name: string, args: readonly string[]): RunningProcess => {
    const program = programs.get(name)
    if (program === undefined) throw new Error(`${name} was not obtained`)
    const one = startProcess([program], args)
    running.push(one)
    return one
  }
  try {
    const [etcdPort, peerPort, apiPort, kwokPort] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const files = await writeFiles(folder, apiPort)
    start('etcd', [
      '--data-dir',
      join(folder, 'etcd'),
      '--listen-client-urls',
      `http://127.0.0.1:${etcdPort}`,
      '--advertise-client-urls',
      `http://127.0.0.1:${etcdPort}`,
      '--listen-peer-urls',
      `http://127.0.0.1:${peerPort}`,
      '--initial-advertise-peer-urls',
      `http://127.0.0.1:${peerPort}`,
      '--initial-cluster',
      `default=http://127.0.0.1:${peerPort}`,
      '--unsafe-no-fsync',
      '--log-level',
      'error'
    ])
    const apiserver = start('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      `--secure-port=${apiPort}`,
      '--bind-address=127.0.0.1',
      `--cert-dir=${join(folder, 'certs')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${files.publicKey}`,
      `--service-account-signing-key-file=${files.privateKey}`,
      `--token-auth-file=${files.tokens}`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/24',
      // Without controllers no namespace gets its service account, and pods would be refused.
      `--disable-admission-plugins=TaintNodesByCondition${options.controllers === false ? ',ServiceAccount' : ''}`,
      ...(options.apiserver ?? []),
      `--audit-policy-file=${files.auditPolicy}`,
      `--audit-log-path=${files.auditLog}`,
      '--audit-log-mode=blocking'
    ])
    const server = `https://127.0.0.1:${apiPort}`
    await untilUp(server, apiserver)
    if (options.controllers !== false) {
      start('kube-controller-manager', [
        `--kubeconfig=${files.kubeconfig}`,
        `--service-account-private-key-file=${files.privateKey}`,
        '--leader-elect=false',
        '--secure-port=0',
        // The default of 20 requests a second is for big clusters; here it is only waiting.
        '--kube-api-qps=500',
        '--kube-api-burst=1000',
        '--controllers=*,-node-lifecycle-controller,-node-ipam-controller,-node-route-controller,-service-lb-controller,-cloud-node-lifecycle-controller'
      ])
      start('kube-scheduler', [
        `--kubeconfig=${files.kubeconfig}`,
        `--authentication-kubeconfig=${files.kubeconfig}`,
        `--authorization-kubeconfig=${files.kubeconfig}`,
        '--leader-elect=false',
        '--secure-port=0'
      ])
      start('kwok', [
        `--kubeconfig=${files.kubeconfig}`,
        '--manage-all-nodes=true',
        `--cidr=${network.cidr}`,
        `--server-address=127.0.0.1:${kwokPort}`,
        '--config',
        files.stages
      ])
    }
    await call(server, 'POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1', labels: { 'kubernetes.io/hostname': 'node-1' } },
      status: { capacity: { cpu: '64', memory: '256Gi', pods: '500' }, allocatable: { cpu: '64', memory: '256Gi', pods: '500' } }
    })
    return {
      podCidr: network.cidr,
      kubeconfig: files.kubeconfig,
      server,
      token: TOKEN,
      certificate: join(folder, 'certs', 'apiserver.crt'),
      async audit() {
        const text = await readFile(files.auditLog, 'utf8').catch(() => '')
        return text
          .split('\n')
          .filter(line => line !== '')
          .map(line => toAuditEvent(JSON.parse(line)))
      },
      async compact() {
        const etcd = `http://127.0.0.1:${etcdPort}`
        const ask = async (path: string, body: unknown): Promise<{ readonly header?: { readonly revision?: string } }> => {
          const response = await fetch(etcd + path, { method: 'POST', body: JSON.stringify(body) })
          if (!response.ok) throw new Error(`etcd answered ${response.status}: ${await response.text()}`)
          return (await response.json()) as { readonly header?: { readonly revision?: string } }
        }
        const { header } = await ask('/v3/kv/range', { key: 'AA==' })
        await ask('/v3/kv/compaction', { revision: header?.revision, physical: true })
      },
      stop
    }
  } catch (cause) {
    const said = running.map(one => one.output().slice(-1_500)).join('\n---\n')
    await stop()
    throw new Error(`the control plane did not start:\n${said}`, { cause })
  }
}

interface RawAuditEvent {
  readonly verb?: string
  readonly user?: { readonly username?: string }
  readonly requestURI?: string
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly apiGroup?: string
    readonly namespace?: string
  }
  readonly responseStatus?: { readonly code?: number }
  readonly userAgent?: string
}

function toAuditEvent(event: RawAuditEvent): AuditEvent {
  const { resource = '', subresource, apiGroup, namespace = '' } = event.objectRef ?? {}
  return {
    resource: `${resource}${subresource === undefined ? '' : `/${subresource}`}${apiGroup === undefined ? '' : `.${apiGroup}`}`,
    namespace,
    verb: event.verb ?? '',
    user: event.user?.username ?? '',
    uri: event.requestURI ?? '',
    code: event.responseStatus?.code ?? 0,
    userAgent: event.userAgent ?? ''
  }
}

async function writeFiles(folder: string, apiPort: number) {
  await mkdir(join(folder, 'certs'))
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' }
  })
  const files = {
    publicKey: join(folder, 'sa.pub'),
    privateKey: join(folder, 'sa.key'),
    tokens: join(folder, 'tokens.csv'),
    auditPolicy: join(folder, 'audit-policy.yaml'),
    auditLog: join(folder, 'audit.log'),
    kubeconfig: join(folder, 'kubeconfig'),
    stages: join(folder, 'stages.yaml')
  }
  await writeFile(files.publicKey, publicKey)
  await writeFile(files.privateKey, privateKey, { mode: 0o600 })
  await writeFile(files.tokens, `${TOKEN},admin,admin,"system:masters"\n`, { mode: 0o600 })
  await writeFile(
    files.auditPolicy,
    JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level: 'Metadata' }] })
  )
  await writeFile(
    files.kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server: `https://127.0.0.1:${apiPort}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'admin', user: { token: TOKEN } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }]
    }),
    { mode: 0o600 }
  )
  await writeFile(files.stages, STAGES.map(stage => JSON.stringify(stage)).join('\n---\n'))
  return files
}

async function untilUp(server: string, apiserver: RunningProcess): Promise<void> {
  const until = Date.now() + HANG_MS
  while (Date.now() < until) {
    if (apiserver.exited()) throw new Error('kube-apiserver ended')
    if ((await call(server, 'GET', '/readyz').catch(() => 0)) === 200) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error('kube-apiserver did not get ready')
}

async function call(server: string, method: string, path: string, body?: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      `${server}${path}`,
      { method, rejectUnauthorized: false, headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' } },
      response => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      }
    )
    request.on('error', reject)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
