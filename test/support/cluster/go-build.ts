import { execFile } from 'node:child_process'
import { access, constants, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** One program that the Go toolchain builds from the module proxy. */
export interface GoProgram {
  readonly name: string
  readonly version: string
  readonly module: string
  readonly package: string
  readonly ldflags: readonly string[]
  /**
   * `staging`: the module's own go.mod requires `k8s.io/…` at v0.0.0, which only a `replace` can resolve. `own`: it needs
   * the `replace` lines of its own go.mod, which Go ignores in a dependency.
   */
  readonly replaces?: 'staging' | 'own'
  /** True where the version matters, so that whatever stands on `PATH` will not do. */
  readonly exact?: boolean
}

export const KUBERNETES_VERSION = '1.36.3'

const versionFlags = [
  `-X k8s.io/component-base/version.gitVersion=v${KUBERNETES_VERSION}`,
  `-X k8s.io/component-base/version.gitMajor=${KUBERNETES_VERSION.split('.')[0] ?? ''}`,
  `-X k8s.io/component-base/version.gitMinor=${KUBERNETES_VERSION.split('.')[1] ?? ''}`
]

function kubernetes(name: string): GoProgram {
  return {
    name,
    version: KUBERNETES_VERSION,
    module: 'k8s.io/kubernetes',
    package: `k8s.io/kubernetes/cmd/${name}`,
    ldflags: versionFlags,
    replaces: 'staging'
  }
}

/** Pinned: the control plane that the end-to-end tests run on. */
export const CONTROL_PLANE: readonly GoProgram[] = [
  {
    name: 'etcd',
    version: '3.7.3',
    module: 'go.etcd.io/etcd/server/v3',
    package: 'go.etcd.io/etcd/server/v3',
    ldflags: []
  },
  kubernetes('kube-apiserver'),
  kubernetes('kube-controller-manager'),
  kubernetes('kube-scheduler'),
  { name: 'kwok', version: '0.8.0', module: 'sigs.k8s.io/kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', ldflags: [] }
]

/** What people and pipelines deploy with. Any version will do: the one on `PATH`, or of the control plane's release. */
export const KUBECTL: GoProgram = kubernetes('kubectl')

/** The releases that users run now; the unit tests and the demo take Debian's, which are quicker to get. */
export const CURRENT_PROMETHEUS: GoProgram = {
  name: 'prometheus',
  // Prometheus 3.15.0: as a Go module its major version stands behind the zero.
  version: '0.315.0',
  module: 'github.com/prometheus/prometheus',
  package: 'github.com/prometheus/prometheus/cmd/prometheus',
  ldflags: ['-X github.com/prometheus/common/version.Version=3.15.0'],
  exact: true
}

export const CURRENT_ALERTMANAGER: GoProgram = {
  name: 'alertmanager',
  version: '0.31.1',
  module: 'github.com/prometheus/alertmanager',
  package: 'github.com/prometheus/alertmanager/cmd/alertmanager',
  ldflags: ['-X github.com/prometheus/common/version.Version=0.31.1'],
  exact: true
}

function helm(major: number, version: string): GoProgram {
  const module = `helm.sh/helm/v${major}`
  return {
    name: 'helm',
    version,
    module,
    package: `${module}/cmd/helm`,
    ldflags: [`-X ${module}/internal/version.version=v${version}`],
    exact: true
  }
}

/** Both majors are in use: 3 gets fixes only, 4 is the current one. */
export const HELMS: readonly GoProgram[] = [helm(3, '3.22.0'), helm(4, '4.3.1')]

export const ARGO_ROLLOUTS: GoProgram = {
  name: 'rollouts-controller',
  version: '1.10.1',
  module: 'github.com/argoproj/argo-rollouts',
  package: 'github.com/argoproj/argo-rollouts/cmd/rollouts-controller',
  ldflags: [],
  replaces: 'own',
  exact: true
}

/** What the controller keeps, in the cluster's own words. */
export const ARGO_ROLLOUTS_CRDS = {
  module: 'github.com/argoproj/argo-rollouts',
  version: '1.10.1',
  files: ['rollout', 'analysis-run', 'analysis-template', 'cluster-analysis-template', 'experiment'].map(
    name => `manifests/crds/${name}-crd.yaml`
  )
}

/** The real kinds of Argo CD and Flux; in the tests a small reconciler stands in for their controllers. */
export const GITOPS_CRDS = [
  { module: 'github.com/argoproj/argo-cd/v3', version: '3.2.2', files: ['manifests/crds/application-crd.yaml'] },
  {
    module: 'github.com/fluxcd/kustomize-controller',
    version: '1.9.6',
    files: ['config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml']
  },
  {
    module: 'github.com/fluxcd/helm-controller',
    version: '1.6.3',
    files: ['config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml']
  }
] as const

/** The CRDs of ServiceMonitor and PrometheusRule, so that the API server itself checks the chart's. */
export const PROMETHEUS_OPERATOR_CRDS = {
  module: 'github.com/prometheus-operator/prometheus-operator',
  version: '0.88.0',
  files: ['servicemonitors', 'prometheusrules'].map(name => `example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`)
}

export function cacheFolder(): string {
  return process.env['ASTERN_CACHE_DIR'] ?? join(homedir(), '.cache', 'astern')
}

export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false
  )
}

/**
 * Where the program is: `KUBEBUILDER_ASSETS`, the cache, `PATH`, else it is built into the cache.
 * @throws Error naming what to install when there is no Go toolchain.
 */
export async function obtain(program: GoProgram, progress: (line: string) => void = () => {}): Promise<string> {
  const folder = join(cacheFolder(), `${program.name}-${program.version}`)
  const candidates = [
    ...(process.env['KUBEBUILDER_ASSETS'] === undefined ? [] : [join(process.env['KUBEBUILDER_ASSETS'], program.name)]),
    join(folder, program.name),
    ...(program.exact === true ? '' : (process.env['PATH'] ?? ''))
      .split(delimiter)
      .filter(Boolean)
      .map(path => join(path, program.name))
  ]
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate
  progress(`building ${program.name} ${program.version} with the Go toolchain, once (minutes) …`)
  await build(program, folder)
  return join(folder, program.name)
}

/** Files out of a Go module, copied into the cache: for instance the CRDs that an operator ships. */
export async function obtainModuleFiles({
  module,
  version,
  files
}: {
  readonly module: string
  readonly version: string
  readonly files: readonly string[]
}): Promise<readonly string[]> {
  const folder = join(cacheFolder(), `${basename(module)}-files-${version}`)
  const wanted = files.map(file => join(folder, basename(file)))
  if ((await Promise.all(wanted.map(isReadable))).every(Boolean)) return wanted
  const { stdout } = await run('go', ['mod', 'download', '-json', `${module}@v${version}`], {
    cwd: tmpdir(),
    env: { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off' }
  }).catch((cause: unknown) => {
    throw new Error(`${module} ${version} cannot be had: install Go 1.26 or later, and see that proxy.golang.org can be reached`, { cause })
  })
  const downloaded: unknown = JSON.parse(stdout)
  if (typeof downloaded !== 'object' || downloaded === null || !('Dir' in downloaded) || typeof downloaded.Dir !== 'string')
    throw new Error(`go mod download told no Dir for ${module}`)
  await mkdir(folder, { recursive: true })
  for (const [index, file] of files.entries()) await copyFile(join(downloaded.Dir, file), wanted[index] ?? '')
  return wanted
}

async function isReadable(file: string): Promise<boolean> {
  return access(file, constants.R_OK).then(
    () => true,
    () => false
  )
}

async function build(program: GoProgram, folder: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'astern-go-'))
  const go = async (...args: string[]): Promise<string> => {
    try {
      const { stdout } = await run('go', args, {
        cwd: work,
        env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off' },
        maxBuffer: 64 * 1024 * 1024
      })
      return stdout
    } catch (cause) {
      if (isMissing(cause))
        throw new Error(
          `${program.name} is not here and there is no Go toolchain to build it: install Go 1.26 or later, or set KUBEBUILDER_ASSETS to a folder that has ${program.name}`,
          { cause }
        )
      throw new Error(`building ${program.name} ${program.version}: go ${args.join(' ')} failed`, { cause })
    }
  }
  try {
    const replaces = program.replaces === undefined ? '' : await replaceLines(program, program.replaces, go)
    await writeFile(
      join(work, 'go.mod'),
      `module astern.test/parts\n\ngo 1.26.0\n\nrequire ${program.module} v${program.version}\n\n${replaces}`
    )
    await go('get', '-tool', `${program.package}@v${program.version}`)
    await go('build', '-trimpath', '-ldflags', ['-s', '-w', ...program.ldflags].join(' '), '-o', join(work, program.name), program.package)
    await mkdir(folder, { recursive: true })
    await rename(join(work, program.name), join(folder, program.name)).catch(async () => {
      // Another file system: copy next to the place, then rename, so that a half-written program is never found.
      await writeFile(join(folder, `${program.name}.new`), await readFile(join(work, program.name)), { mode: 0o755 })
      await rename(join(folder, `${program.name}.new`), join(folder, program.name))
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function replaceLines(program: GoProgram, kind: 'staging' | 'own', go: (...args: string[]) => Promise<string>): Promise<string> {
  const downloaded: unknown = JSON.parse(await go('mod', 'download', '-json', `${program.module}@v${program.version}`))
  if (typeof downloaded !== 'object' || downloaded === null || !('GoMod' in downloaded) || typeof downloaded.GoMod !== 'string')
    throw new Error(`go mod download told no GoMod for ${program.module}`)
  const text = await readFile(downloaded.GoMod, 'utf8')
  if (kind === 'own') return [...text.matchAll(/^replace (?:\([^)]*\)|.*)$/gm)].map(match => `${match[0]}\n`).join('')
  // Kubernetes' go.mod names its staging modules at v0.0.0; their published twins carry v0.MINOR.PATCH.
  const version = `v0.${program.version.split('.').slice(1).join('.')}`
  const modules = new Set([...text.matchAll(/^\s*(k8s\.io\/\S+) v0\.0\.0\s*(?:\/\/.*)?$/gm)].map(match => match[1] ?? ''))
  return [...modules].map(module => `replace ${module} => ${module} ${version}\n`).join('')
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}
