import { createHelm } from '../actions/helm-rollback/helm.ts'
import { createActions } from '../actions/registry.ts'
import type { Secrets } from '../base/secrets.ts'
import type { Config } from '../config.ts'
import type { Action } from '../domain/action.ts'
import { createActionHttp } from '../outgoing/action-http.ts'
import type { AddressFacts } from '../outgoing/addresses.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import type { SecretFiles } from './secret-files.ts'

export interface ActionParts {
  readonly http: HttpClient
  readonly secrets: Secrets
  readonly files: SecretFiles
  /** What calls into the cluster are judged by. */
  readonly facts: () => Promise<AddressFacts>
}

/** Makes every action, with the real helm, the guarded HTTP client, and the files of this machine. */
export function openActions(
  { helm, kubeconfig, context }: Pick<Config, 'kubeconfig' | 'context' | 'helm'>,
  { http, secrets, files, facts }: ActionParts
): readonly Action[] {
  return createActions({
    helm: createHelm({
      ...helm,
      scrub: secrets.scrub,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context })
    }),
    http: createActionHttp(http, { facts }),
    readFile: files.readNow
  })
}
