import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, posix } from 'node:path'
import { promisify } from 'node:util'
import { type RunningProcess, startProcess } from '../../../src/sandbox/processes.ts'
import { assignments, type BuildStage, expand, parseDockerfile } from './dockerfile.ts'

const run = promisify(execFile)
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** What a Dockerfile comes to: a root file system, and how to start it. */
export interface Image {
  /** The layers that the Dockerfile added, as one folder. */
  readonly layer: string
  readonly env: Readonly<Record<string, string>>
  readonly user: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
  readonly volume: string
}

/**
 * Carries out a Dockerfile's own `COPY` and `RUN` steps without a container engine: each stage is an overlay over this
 * machine's root, in which the checkout is not there. The base image is this machine; of `node:…` the pinned Node is put in.
 */
export async function buildImage(context: string, work: string): Promise<Image> {
  const stages = parseDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8'))
  let image: Image | undefined
  for (const stage of stages) image = await buildStage(stage, context, work)
  if (image === undefined) throw new Error('the Dockerfile has no stage')
  return image
}

async function buildStage(stage: BuildStage, context: string, work: string): Promise<Image> {
  const layer = layerOf(work, stage.name)
  mkdirSync(layer, { recursive: true })
  if (/(^|\/)node[:@]/.test(stage.from)) {
    mkdirSync(join(layer, 'usr/local/bin'), { recursive: true })
    copyFileSync(process.execPath, join(layer, 'usr/local/bin/node'))
    chmodSync(join(layer, 'usr/local/bin/node'), 0o755)
  }
  const state = { env: {} as Record<string, string>, args: {} as Record<string, string>, folder: '/', user: '0:0', volume: '' }
  const lists = { ENTRYPOINT: [] as readonly string[], CMD: [] as readonly string[], HEALTHCHECK: [] as readonly string[] }
  for (const { op, flags, text } of stage.instructions) {
    const expanded = expand(text, { ...state.args, ...state.env })
    switch (op) {
      case 'ARG': {
        const [name = '', value = ''] = text.split('=')
        state.args[name] = value
        break
      }
      case 'ENV':
        Object.assign(state.env, assignments(expanded))
        break
      case 'WORKDIR':
        state.folder = posix.resolve(state.folder, expanded)
        mkdirSync(join(layer, state.folder), { recursive: true })
        break
      case 'USER':
        state.user = expanded
        break
      case 'VOLUME':
        state.volume = expanded
        break
      case 'COPY':
        copy(flags['from'] === undefined ? context : layerOf(work, flags['from']), expanded.split(/\s+/), join(layer, '/'), state.folder)
        break
      case 'RUN':
        await run('unshare', enter(layer, ['sh', '-ec', `cd ${state.folder}\n${text}`]), {
          env: { PATH, HOME: '/root', ...state.args, ...state.env },
          maxBuffer: 64 * 1024 * 1024
        })
        break
      case 'ENTRYPOINT':
      case 'CMD':
        lists[op] = JSON.parse(expanded) as readonly string[]
        break
      case 'HEALTHCHECK':
        lists.HEALTHCHECK = JSON.parse(expanded.replace(/^(--\S+\s+)*CMD\s+/, '')) as readonly string[]
        break
    }
  }
  const { env, user, volume } = state
  return { layer, env, user, volume, entrypoint: lists.ENTRYPOINT, command: lists.CMD, healthcheck: lists.HEALTHCHECK }
}

function layerOf(work: string, stage: string): string {
  return join(work, stage, 'layer')
}

/** As `COPY` does: a folder's contents, or files, into the destination. */
function copy(root: string, words: readonly string[], layer: string, folder: string): void {
  const sources = words.slice(0, -1)
  const written = words.at(-1) ?? ''
  const target = join(layer, posix.resolve(folder, written))
  for (const source of sources) {
    const from = join(root, source)
    if (!existsSync(from)) throw new Error(`COPY ${source}: it is not there`)
    if (statSync(from).isDirectory()) cpSync(from, target, { recursive: true, verbatimSymlinks: true })
    else {
      const into = written.endsWith('/') || written === '.' || sources.length > 1 ? join(target, basename(source)) : target
      mkdirSync(join(into, '..'), { recursive: true })
      cpSync(from, into)
    }
  }
}

/** Arguments for `unshare`: a view in which the layer lies over this machine, and the checkout does not exist. */
function enter(layer: string, command: readonly string[], mounts: readonly string[] = []): readonly string[] {
  const root = join(layer, '..', 'root')
  const upper = join(layer, '..', 'work')
  for (const folder of [root, upper]) mkdirSync(folder, { recursive: true })
  const script = [
    `mount -t overlay overlay -o lowerdir=/,upperdir=${layer},workdir=${upper} ${root}`,
    `mount --rbind /dev ${root}/dev`,
    `mount --rbind /proc ${root}/proc`,
    `mount -t tmpfs none ${root}${process.cwd()}`,
    ...mounts.map(mount => mount.replaceAll('ROOT', root)),
    ...(mounts.length > 0 ? [`mount -o remount,ro ${root}`] : []),
    // The test runner's own hooks, which it puts into every child's environment, are not in the image.
    'unset NODE_OPTIONS',
    `exec chroot ${root} "$@"`
  ].join('\n')
  const namespaces = process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--map-auto', '--mount']
  return [...namespaces, 'sh', '-ec', script, 'sh', ...command]
}

/**
 * Starts a command of the image as its user, on a read-only root: only the volume and `/tmp` can be written to.
 * `folders` are mounted read-only where Kubernetes would mount them.
 */
export function startIn(
  image: Image,
  command: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly data: string; readonly folders?: Readonly<Record<string, string>> }
): RunningProcess {
  const [user = '', group = user] = image.user.split(':')
  // The mount points are made beforehand, as a container runtime does.
  for (const path of [image.volume, '/tmp', ...Object.keys(options.folders ?? {})]) mkdirSync(join(image.layer, path), { recursive: true })
  const mounts = [
    `mount --bind ${options.data} ROOT${image.volume}`,
    `chown ${user}:${group} ROOT${image.volume}`,
    'mount -t tmpfs -o mode=1777 none ROOT/tmp',
    ...Object.entries(options.folders ?? {}).map(([path, from]) => `mount --bind -o ro ${from} ROOT${path}`)
  ]
  return startProcess(['unshare'], enter(image.layer, asUser(image, command), mounts), { env: { PATH, ...image.env, ...options.env } })
}

/** Runs a command inside what `startIn` started, as `HEALTHCHECK` and `kubectl exec` do. @returns its exit code. */
export async function execIn(
  image: Image,
  server: RunningProcess,
  command: readonly string[],
  env: Readonly<Record<string, string>>
): Promise<number> {
  const namespaces = ['--target', String(server.pid), '--mount', '--root', ...(process.getuid?.() === 0 ? [] : ['--user'])]
  const inside = ['env', '-u', 'NODE_OPTIONS', ...asUser(image, command)]
  return run('nsenter', [...namespaces, ...inside], { env: { PATH, ...image.env, ...env } }).then(
    () => 0,
    () => 1
  )
}

function asUser(image: Image, command: readonly string[]): readonly string[] {
  const [user = '', group = user] = image.user.split(':')
  return ['setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups', '--no-new-privs', ...command]
}
