import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
// The one file of the package that is needed: its front door loads every generated model.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'

/** The kubeconfig is missing or says nothing usable: the message says where it was looked for. */
export class KubeconfigError extends Error {}

/** Where the API server is, and how to be let in. */
export interface ClusterConnection {
  readonly server: string
  /** Fresh for every call: tokens are rotated. */
  options(): Promise<RequestOptions>
  /** Astern's own namespace, when it runs in the cluster. */
  readonly ownNamespace: string | undefined
}

export interface ConnectionOptions {
  /** One path, or several as kubectl takes them in `KUBECONFIG`. */
  readonly kubeconfig?: string
  readonly context?: string
  readonly inCluster: boolean
  readonly ownNamespace?: string
}

/** The kubeconfig that was named; else the pod's service account; else kubectl's default. @throws KubeconfigError */
export function connect(options: ConnectionOptions): ClusterConnection {
  const config = new KubeConfig()
  try {
    if (options.kubeconfig !== undefined) {
      const [first, ...rest] = options.kubeconfig.split(delimiter).filter(Boolean)
      if (first === undefined) throw new KubeconfigError('--kubeconfig is empty')
      for (const file of [first, ...rest]) if (!existsSync(file)) throw new KubeconfigError(`there is no kubeconfig ${file}`)
      config.loadFromFile(first)
      for (const file of rest) {
        const more = new KubeConfig()
        more.loadFromFile(file)
        config.mergeConfig(more)
      }
    } else if (options.inCluster) config.loadFromCluster()
    else {
      const file = join(homedir(), '.kube', 'config')
      if (!existsSync(file)) throw new KubeconfigError(`no cluster: there is no ${file}; give --kubeconfig, or run Astern in the cluster`)
      config.loadFromFile(file)
    }
    if (options.context !== undefined) {
      const names = config.getContexts().map(context => context.name)
      if (!names.includes(options.context))
        throw new KubeconfigError(`there is no context "${options.context}" in the kubeconfig; it has ${names.join(', ') || 'none'}`)
      config.setCurrentContext(options.context)
    }
  } catch (cause) {
    if (cause instanceof KubeconfigError) throw cause
    throw new KubeconfigError(`the kubeconfig cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new KubeconfigError('the kubeconfig has no current context with a cluster: choose one with --context')
  return {
    server: cluster.server.replace(/\/+$/, ''),
    async options() {
      const request: RequestOptions = {}
      await config.applyToHTTPSOptions(request)
      return request
    },
    ownNamespace: options.ownNamespace
  }
}
