import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type App, startApp } from '../../src/app/app.ts'
import { readConfig } from '../../src/config.ts'
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
export const TOKENS = { webhook: 'w-secret', viewer: 'v-secret', operator: 'o-secret', approver: 'a-secret' } as const
export type Caller = keyof typeof TOKENS

export interface ServerFixture {
  readonly app: App
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

/** The whole app on a free port; its cluster and its Prometheus are away, which must not stop intake. */
export async function open(t: Test): Promise<ServerFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-server-'))
  writeFileSync(join(folder, 'policies.yaml'), JSON.stringify(POLICIES))
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  writeFileSync(
    join(folder, 'tokens.yaml'),
    JSON.stringify({
      tokens: Object.entries(TOKENS).map(([role, token]) => ({
        name: `the-${role}`,
        role,
        sha256: createHash('sha256').update(token).digest('hex'),
        ...(role === 'webhook' ? { source: 'am' } : {})
      }))
    })
  )
  const app = await startApp(
    readConfig(
      {
        policies: join(folder, 'policies.yaml'),
        kubeconfig: join(folder, 'kubeconfig'),
        tokens: join(folder, 'tokens.yaml'),
        dataDir: join(folder, 'data'),
        listen: '127.0.0.1:0'
      },
      {}
    ),
    { logger: createLogger('silent', 'json', process.stderr) }
  )
  t.teardown(async () => {
    await app.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    app,
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
