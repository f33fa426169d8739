import { readFileSync } from 'node:fs'
import { createHelm } from '../actions/helm-rollback/helm.ts'
import { createActions } from '../actions/registry.ts'
import type { Config } from '../config.ts'
import type { Action } from '../domain/action.ts'
import { createActionHttp } from '../outgoing/action-http.ts'
import type { AddressFacts } from '../outgoing/addresses.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import { createOwnAddresses } from '../outgoing/own-addresses.ts'

/** Makes every action, with the real helm, the guarded HTTP client, and the files of this machine. */
export function openActions(
  http: HttpClient,
  { helm, kubeconfig, context, podCidrs, ownHosts }: Pick<Config, 'kubeconfig' | 'context' | 'helm' | 'podCidrs' | 'ownHosts'>,
  listening: () => AddressFacts['listening']
): readonly Action[] {
  const own = createOwnAddresses(ownHosts)
  return createActions({
    helm: createHelm({
      ...helm,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context })
    }),
    http: createActionHttp(http, { facts: async () => ({ own: await own(), listening: listening(), podCidrs }) }),
    readFile: path => readFileSync(path, 'utf8').trim()
  })
}
