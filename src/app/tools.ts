import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { createHelm } from '../actions/helm-rollback/helm.ts'
import type { Clock } from '../base/clock.ts'
import type { Config } from '../config.ts'
import type { Tools } from '../domain/action.ts'
import type { ChannelTools } from '../notify/channel-kind.ts'
import { createActionHttp } from '../outgoing/action-http.ts'
import type { HttpClient } from '../outgoing/http-client.ts'

/** What actions reach the world through. */
export function createTools(parts: {
  readonly kube: Tools['kube']
  readonly cluster: Tools['cluster']
  readonly http: HttpClient
  readonly clock: Clock
  readonly config: Pick<Config, 'kubeconfig' | 'context' | 'helm'>
}): Tools {
  const { kube, cluster, http, clock, config } = parts
  return {
    kube,
    cluster,
    clock,
    http: createActionHttp(http),
    helm: createHelm({
      ...config.helm,
      ...(config.kubeconfig === undefined ? {} : { kubeconfig: config.kubeconfig }),
      ...(config.context === undefined ? {} : { context: config.context })
    }),
    readFile: path => readFileSync(path, 'utf8').trim()
  }
}

/** What channels reach the world through. */
export function createChannelTools(parts: Pick<ChannelTools, 'http' | 'kube' | 'clock'>): ChannelTools {
  return { ...parts, instance: hostname(), readFile: async path => (await readFile(path, 'utf8')).trim() }
}
