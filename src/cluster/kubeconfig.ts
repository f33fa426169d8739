import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
// Only this file of the package is needed. The package's index would load every generated model.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { at, isObject, numberAt, textAt } from '../base/json.ts'
import { hasUserInfo } from '../base/redacted-url.ts'
import { type ClusterConnection, type KnowCredential, KubeconfigError } from './access.ts'

/** Reads the kubeconfig at `paths`, which are as in `KUBECONFIG`; without them kubectl's default file. @throws KubeconfigError */
export function kubeconfigConnection(paths: string | undefined, context: string | undefined, know: KnowCredential): ClusterConnection {
  const config = load(paths, context)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new KubeconfigError('the kubeconfig has no current context with a cluster: choose one with --context')
  if (!URL.canParse(cluster.server)) throw new KubeconfigError(`the server of cluster "${cluster.name}" in the kubeconfig is not a URL`)
  if (hasUserInfo(cluster.server))
    throw new KubeconfigError(`the server of cluster "${cluster.name}" in the kubeconfig holds user info: put it into its user`)
  if (cluster.server.startsWith('http:') && !cluster.skipTLSVerify)
    throw new KubeconfigError(`the server of cluster "${cluster.name}" is plain http, which needs insecure-skip-tls-verify: true`)
  if (cluster.proxyUrl !== undefined) know(cluster.proxyUrl)
  const program = pluginOf(config)
  return {
    server: cluster.server.replace(/\/+$/, ''),
    async options() {
      const request: RequestOptions = {}
      try {
        await config.applyToHTTPSOptions(request)
      } catch (cause) {
        throw new KubeconfigError(whyNoCredentials(cause, program))
      }
      for (const credential of credentialsIn(request)) know(credential)
      // The library's agent opens a connection for every call, and ours keeps connections. The library's is used only for a proxy.
      const { agent, ...rest } = request
      return cluster.proxyUrl === undefined ? rest : { ...rest, agent }
    }
  }
}

/** The program that the kubeconfig names to get credentials from. */
function pluginOf(config: KubeConfig): string | undefined {
  const user = config.getCurrentUser()
  return textAt(user?.exec, 'command') ?? textAt(user?.authProvider, 'config', 'exec', 'command')
}

/**
 * Why there are no credentials, in words of our own. The library's error holds what the plugin wrote to its error stream, or a piece
 * of an answer that is not JSON: either may be a token.
 */
function whyNoCredentials(cause: unknown, program: string | undefined): string {
  const code = textAt(cause, 'code')
  if (program !== undefined) {
    if (code === 'ENOENT') return `there is no credential plugin "${program}", which the kubeconfig names`
    if (cause instanceof SyntaxError) return `the credential plugin "${program}" answered something that is not JSON`
    return `the credential plugin "${program}" failed; run it by hand to see why`
  }
  // Errors of the file system name the file, and nothing that is in it.
  return code !== undefined && cause instanceof Error && 'syscall' in cause ? cause.message : 'the kubeconfig gives none that can be used'
}

function credentialsIn({ headers, auth, key, passphrase }: RequestOptions): readonly string[] {
  const authorization = Object.entries(isObject(headers) ? headers : {}).flatMap(([name, value]) =>
    name.toLowerCase() === 'authorization' && typeof value === 'string' ? [value] : []
  )
  const password = typeof auth === 'string' ? [auth, auth.slice(auth.indexOf(':') + 1)] : []
  const keys = [key, passphrase].flatMap(value => (typeof value === 'string' || Buffer.isBuffer(value) ? [value.toString()] : []))
  return [...authorization, ...password, ...keys]
}

function load(paths: string | undefined, context: string | undefined): KubeConfig {
  const config = paths === undefined ? readDefault() : readAll(paths)
  if (context === undefined) return config
  const names = config.getContexts().map(known => known.name)
  if (!names.includes(context))
    throw new KubeconfigError(`there is no context "${context}" in the kubeconfig; it has ${names.join(', ') || 'none'}`)
  config.setCurrentContext(context)
  return config
}

function readDefault(): KubeConfig {
  const file = join(homedir(), '.kube', 'config')
  if (!existsSync(file)) throw new KubeconfigError(`no cluster: there is no ${file}; give --kubeconfig, or run Astern in the cluster`)
  return read(file)
}

function readAll(paths: string): KubeConfig {
  const [first, ...rest] = paths.split(delimiter).filter(Boolean)
  if (first === undefined) throw new KubeconfigError('--kubeconfig is empty')
  for (const file of [first, ...rest]) if (!existsSync(file)) throw new KubeconfigError(`there is no kubeconfig ${file}`)
  const config = read(first)
  for (const file of rest) {
    try {
      config.mergeConfig(read(file))
    } catch (cause) {
      if (cause instanceof KubeconfigError) throw cause
      throw new KubeconfigError(`the kubeconfig ${file} does not go together with those before it: a name stands in both`)
    }
  }
  return config
}

/** Reads one file. A kubeconfig holds tokens, so of what the parser says only the place is told. */
function read(file: string): KubeConfig {
  const config = new KubeConfig()
  try {
    config.loadFromFile(file)
    return config
  } catch (cause) {
    throw new KubeconfigError(`the kubeconfig ${file} cannot be read: ${whatIsWrong(cause)}`)
  }
}

function whatIsWrong(cause: unknown): string {
  const [line, column] = [numberAt(cause, 'mark', 'line'), numberAt(cause, 'mark', 'column')]
  if (line !== undefined && column !== undefined) return `it is not YAML at line ${line + 1}, column ${column + 1}`
  const message = textAt(cause, 'message') ?? ''
  // The library's own findings name the key that is missing, and no value.
  if (/^(clusters|users|contexts)\[\d+\][\w.]* is missing$/.test(message)) return message
  return at(cause, 'syscall') === undefined ? 'it is not a kubeconfig' : message
}
