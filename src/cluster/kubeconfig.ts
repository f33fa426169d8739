import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
// Only this file of the package is needed. The package's index would load every generated model.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { type ClusterConnection, KubeconfigError } from './access.ts'

/** Reads the kubeconfig at `paths`, which are as in `KUBECONFIG`; without them kubectl's default file. @throws KubeconfigError */
export function kubeconfigConnection(paths: string | undefined, context: string | undefined): ClusterConnection {
  const config = load(paths, context)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new KubeconfigError('the kubeconfig has no current context with a cluster: choose one with --context')
  return {
    server: cluster.server.replace(/\/+$/, ''),
    async options() {
      const request: RequestOptions = {}
      await config.applyToHTTPSOptions(request)
      // The library's agent opens a connection for every call, and ours keeps connections. The library's is used only for a proxy.
      const { agent, ...rest } = request
      return cluster.proxyUrl === undefined ? rest : { ...rest, agent }
    }
  }
}

function load(paths: string | undefined, context: string | undefined): KubeConfig {
  const config = new KubeConfig()
  try {
    if (paths === undefined) {
      const file = join(homedir(), '.kube', 'config')
      if (!existsSync(file)) throw new KubeconfigError(`no cluster: there is no ${file}; give --kubeconfig, or run Astern in the cluster`)
      config.loadFromFile(file)
    } else {
      const [first, ...rest] = paths.split(delimiter).filter(Boolean)
      if (first === undefined) throw new KubeconfigError('--kubeconfig is empty')
      for (const file of [first, ...rest]) if (!existsSync(file)) throw new KubeconfigError(`there is no kubeconfig ${file}`)
      config.loadFromFile(first)
      for (const file of rest) {
        const more = new KubeConfig()
        more.loadFromFile(file)
        config.mergeConfig(more)
      }
    }
    if (context !== undefined) {
      const names = config.getContexts().map(known => known.name)
      if (!names.includes(context))
        throw new KubeconfigError(`there is no context "${context}" in the kubeconfig; it has ${names.join(', ') || 'none'}`)
      config.setCurrentContext(context)
    }
    return config
  } catch (cause) {
    if (cause instanceof KubeconfigError) throw cause
    throw new KubeconfigError(`the kubeconfig cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
