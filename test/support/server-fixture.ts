import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type App, startApp } from '../../src/app/app.ts'
import type { Clock } from '../../src/base/clock.ts'
import { readConfig } from '../../src/config.ts'
import { ROLES } from '../../src/domain/credential.ts'
import type { DeployGuards } from '../../src/domain/ports/deploy-guards.ts'
import { createLogger } from '../../src/telemetry/logger.ts'

const POLICIES = {
  version: 1,
  sources: { prometheus: { url: 'http://127.0.0.1:1' } },
  policies: [
    {
      name: 'undo',
      match: ['alertname="A"'],
      target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
      verify: [{ promql: 'sum(rate(x[5m]))', failWhen: '> 1', samples: 1 }],
      steps: [{ action: 'rollout-undo' }]
    },
    {
      name: 'slow',
      match: ['alertname="S"'],
      target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
      verify: [{ promql: 'sum(rate(x[5m]))', failWhen: '> 1', samples: 3, every: '15s' }],
      steps: [{ action: 'rollout-undo' }]
    }
  ]
}
/** Leads to a cluster that is away. */
export const KUBECONFIG = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'c',
  clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1', 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'u', user: {} }],
  contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }]
}
export const TOKENS = {
  webhook: 'w-secret',
  deployer: 'd-secret',
  viewer: 'v-secret',
  operator: 'o-secret',
  approver: 'a-secret'
} as const
export type Caller = keyof typeof TOKENS

/** The line of the tokens file for the caller of a role. */
export function tokenLine(role: Caller, token: string = TOKENS[role]): Readonly<Record<string, unknown>> {
  return {
    name: `the-${role}`,
    role,
    sha256: createHash('sha256').update(token).digest('hex'),
    ...(role === 'webhook' ? { source: 'am' } : {}),
    ...(role === 'deployer' ? { namespaces: ['shop', 'team-*'] } : {})
  }
}

export interface ServerFixture {
  readonly app: App
  /** The file of each setting. */
  readonly files: { readonly policies: string; readonly tokens: string; readonly data: string }
  /** What the app logged, a line each. */
  readonly lines: () => readonly Readonly<Record<string, unknown>>[]
  call(
    method: string,
    path: string,
    options?: {
      readonly as?: Caller | 'nobody' | 'stranger'
      readonly body?: unknown
      readonly raw?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  ): Promise<{ readonly status: number; readonly type: string; readonly text: string; readonly body: Record<string, unknown> }>
}

export interface ServerOptions {
  /** Whether callers have no tokens. */
  readonly tokenless?: boolean
  readonly allowHost?: readonly string[]
  /** Default: a free port of the loopback interface. */
  readonly listen?: string
  readonly clock?: Clock
  readonly deployGuards?: DeployGuards
}

/** The whole app on a free port; its cluster and its Prometheus are away, which must not stop intake. */
export async function open(
  t: Test,
  { tokenless = false, allowHost, clock, deployGuards, listen = '127.0.0.1:0' }: ServerOptions = {}
): Promise<ServerFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-server-'))
  const files = { policies: join(folder, 'policies.yaml'), tokens: join(folder, 'tokens.yaml'), data: join(folder, 'data') }
  writeFileSync(files.policies, JSON.stringify(POLICIES))
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  writeFileSync(files.tokens, JSON.stringify({ tokens: ROLES.map(role => tokenLine(role)) }))
  let log = ''
  const app = await startApp(
    readConfig(
      {
        policies: files.policies,
        kubeconfig: join(folder, 'kubeconfig'),
        ...(tokenless ? {} : { tokens: files.tokens }),
        dataDir: files.data,
        listen,
        ...(allowHost === undefined ? {} : { allowHost })
      },
      {}
    ),
    {
      ...(clock === undefined ? {} : { clock }),
      ...(deployGuards === undefined ? {} : { deployGuards }),
      logger: createLogger('info', 'json', {
        write(text) {
          log += text
        }
      })
    }
  )
  t.teardown(async () => {
    await app.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    app,
    files,
    lines: () =>
      log
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as Readonly<Record<string, unknown>>),
    async call(method, path, { as = 'operator', body, raw, headers = {} } = {}) {
      const token = as === 'nobody' ? undefined : as === 'stranger' ? 'wrong' : TOKENS[as]
      const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
      const response = await fetch(app.address + path, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(content === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers
        },
        ...(content === undefined ? {} : { body: content })
      })
      const text = await response.text()
      let parsed: unknown = {}
      try {
        parsed = JSON.parse(text)
      } catch {}
      return { status: response.status, type: response.headers.get('content-type') ?? '', text, body: parsed as Record<string, unknown> }
    }
  }
}
