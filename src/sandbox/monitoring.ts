import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, type RunningProcess, startProcess, untilReady } from './processes.ts'
import type { PartCommand } from './real-parts.ts'

export interface PrometheusOptions {
  readonly program: PartCommand
  readonly folder: string
  /** The targets that are scraped every second, as `host:port`. */
  readonly targets: readonly string[]
  /** URLs that list more targets (`http_sd_configs`). */
  readonly discovery?: readonly string[]
  /** Finds the ready pods of a namespace by the Kubernetes API, and scrapes them on this port; not in Debian's build. */
  readonly kubernetes?: { readonly kubeconfig: string; readonly namespace: string; readonly port: number }
  /** Rule groups, as Prometheus' rule file has them. */
  readonly groups: readonly unknown[]
  readonly alertmanagers: readonly string[]
}

export interface RunningServer {
  readonly url: string
  readonly process: RunningProcess
  stop(): Promise<void>
}

/** A real Prometheus with its own folder and a free port; scrapes and evaluates every second. */
export async function startPrometheus(options: PrometheusOptions): Promise<RunningServer> {
  await mkdir(options.folder, { recursive: true })
  const rules = join(options.folder, 'rules.yml')
  const config = join(options.folder, 'prometheus.yml')
  // The file is written as JSON, which is YAML too, so that nothing has to be quoted by hand.
  await writeFile(rules, JSON.stringify({ groups: options.groups }))
  await writeFile(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s', scrape_timeout: '1s' },
      rule_files: [rules],
      alerting: { alertmanagers: [{ static_configs: [{ targets: options.alertmanagers }] }] },
      scrape_configs: [
        { job_name: 'fleet', honor_labels: true, static_configs: [{ targets: options.targets }] },
        { job_name: 'pods', honor_labels: true, http_sd_configs: (options.discovery ?? []).map(url => ({ url, refresh_interval: '1s' })) },
        ...(options.kubernetes === undefined ? [] : [kubernetesJob(options.kubernetes)])
      ]
    })
  )
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const running = startProcess(options.program, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(options.folder, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--rules.alert.resend-delay=1s',
    '--web.enable-lifecycle',
    '--log.level=warn'
  ])
  await untilReady(`${url}/-/ready`, running, 'Prometheus')
  return { url, process: running, stop: () => running.stop() }
}

function kubernetesJob({ kubeconfig, namespace, port }: NonNullable<PrometheusOptions['kubernetes']>): unknown {
  return {
    job_name: 'kubernetes-pods',
    honor_labels: true,
    kubernetes_sd_configs: [{ role: 'pod', kubeconfig_file: kubeconfig, namespaces: { names: [namespace] } }],
    relabel_configs: [
      { source_labels: ['__meta_kubernetes_pod_ready'], regex: 'true', action: 'keep' },
      { source_labels: ['__meta_kubernetes_pod_ip'], regex: '(.+)', target_label: '__address__', replacement: `$1:${port}` }
    ]
  }
}

export interface AlertmanagerOptions {
  readonly program: PartCommand
  readonly folder: string
  /** The URL that alerts are posted to. */
  readonly webhook: string
  readonly tokenFile?: string
  readonly port?: number
  /** Which alerts it posts together, and how long it waits for the first of them; default those of one Deployment, for a second. */
  readonly group?: { readonly by: readonly string[]; readonly wait: string }
  /** Makes it one of a cluster, whose peers wait one second for each other. */
  readonly cluster?: { readonly listen: string; readonly peer?: string }
  /** Features that are off by default, with commas (`--enable-feature`). */
  readonly features?: string
}

/** A real Alertmanager that posts each group to one webhook. */
export async function startAlertmanager(options: AlertmanagerOptions): Promise<RunningServer> {
  await mkdir(options.folder, { recursive: true })
  const config = join(options.folder, 'alertmanager.yml')
  await writeFile(
    config,
    JSON.stringify({
      route: {
        receiver: 'astern',
        group_by: options.group?.by ?? ['alertname', 'namespace', 'deployment'],
        group_wait: options.group?.wait ?? '1s',
        group_interval: '2s',
        repeat_interval: '1h'
      },
      receivers: [
        {
          name: 'astern',
          webhook_configs: [
            {
              url: options.webhook,
              send_resolved: true,
              ...(options.tokenFile === undefined ? {} : { http_config: { authorization: { credentials_file: options.tokenFile } } })
            }
          ]
        }
      ]
    })
  )
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const running = startProcess(options.program, [
    `--config.file=${config}`,
    `--storage.path=${join(options.folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    ...(options.cluster === undefined
      ? ['--cluster.listen-address=']
      : [
          `--cluster.listen-address=${options.cluster.listen}`,
          ...(options.cluster.peer === undefined ? [] : [`--cluster.peer=${options.cluster.peer}`]),
          '--cluster.peer-timeout=1s',
          '--cluster.settle-timeout=1s'
        ]),
    ...(options.features === undefined ? [] : [`--enable-feature=${options.features}`]),
    '--log.level=warn'
  ])
  await untilReady(`${url}/-/ready`, running, 'Alertmanager')
  return { url, process: running, stop: () => running.stop() }
}
