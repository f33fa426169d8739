import { isObject } from '../src/base/json.ts'
import type { Metric } from '../src/policies/metrics/metric.ts'
import { NAMED } from '../src/policies/metrics/table.ts'
import { writePromql } from '../src/templates/write-promql.ts'

/** docs/metrics.md, made from the table that the loader uses. */
export function metricsPage(): string {
  return `# Named metrics

A policy verifies with a query of its own, or with a metric that Astern knows by name. Made by \`npm run metrics\` from the same table
that makes the queries, so what stands here is what is asked.

\`\`\`yaml fragment
verify:
  - use: http-error-ratio
  - use: http-latency
    with: { metric: http_server_request_duration_seconds, percentile: 95, window: 5m }
    failWhen: "> 0.8"
\`\`\`

A named metric is a query like any other: parsed and checked at load, tried by \`validate --prometheus\`, shown in the timeline as it was
asked. \`name\`, \`failWhen\`, \`samples\`, \`every\` and \`maxAge\` stand beside \`use\` as beside \`promql\`; \`traffic\` and \`window\` are the
metric’s own (\`atLeast\`, \`window\` in \`with\`).

- **No errors is 0, no requests is nothing.** The share of errors is padded from the requests: 0 while there are some, no number without them.
- **Only series with a status count.** Where the label has another name there is no data; it never looks like a share of 0.
- **Little traffic decides nothing**: below \`atLeast\` requests a second the verdict is inconclusive.
- **By pod** means bound to the pods of the version that is to blame (\`{{ target.pods }}\`): the old version’s errors never come in, and
  the window need not lie after the rollout. The others are not bound, unless \`where\` has \`pod=~"{{ target.pods }}"\`.
- A counter that is born with its first event counts from its second scrape on, because a rate needs two.
- \`where\` takes matchers as PromQL has them; templates stand in their quotes. Recording rules are queries: write them as \`promql\`.

A guard (\`astern guard --metric NAME\`) knows the same names:

- **By pod**: it finds out itself which series the pods have ([canary.md](canary.md)), and the options here do not apply.
- **\`ingress-nginx\`, \`envoy\`, \`istio\`**: it counts the very series that are asked for here, without a window, and takes a scrape at a time.
  A proxy does not tell the old version’s pods from the new one’s: the baseline is \`before\` or \`objective\`, nothing is counted before the new
  version serves alone, and no proven error rate is claimed. They can’t be judged together with metrics by pod. A proxy whose counters fall is
  believed no more in that watch.
- **\`kubernetes-restarts\`, \`queue-lag\`, \`burn-rate\`**: reported beside the verdict, and decide nothing.

The options stand in the entry of \`guards:\`, never in the request; \`envoy\`, \`queue-lag\` and \`burn-rate\` can’t be asked for without:

\`\`\`yaml fragment
guards:
  - name: deploys
    namespaces: [shop]
    metrics:
      envoy: { cluster: "{{ target.namespace }}_{{ target.name }}_8080" }
      queue-lag: { where: ['consumergroup="orders"'] }
\`\`\`

| metric | what it is | fails when |
|---|---|---|
${NAMED.map(({ name, title, failWhen }) => `| [\`${name}\`](#${name}) | ${title} | ${failWhen === undefined ? 'you say' : `\`${failWhen}\``} |`).join('\n')}

${NAMED.map(section).join('\n')}`
}

function section(metric: Metric): string {
  const { name, title, needs, notes = [], example } = metric
  const made = metric.make(example ?? {})
  if (made.kind === 'wrong') throw new Error(`${name}: ${made.problem}`)
  const { promql, traffic } = made.query
  const text = writePromql(promql)
  const bound = text.includes('{{ target.pods }}') ? 'By pod. ' : ''
  const asked = example === undefined ? 'Asked' : `Asked with \`${JSON.stringify(example)}\``
  return `## ${name}

${title} ${bound}Needs: ${needs}
${notes.map(note => `\n- ${note}`).join('')}${notes.length === 0 ? '' : '\n'}
${asked}:

\`\`\`promql
${text}
\`\`\`
${traffic === undefined ? '' : `\nTraffic, at least ${traffic.atLeast} a second:\n\n\`\`\`promql\n${writePromql(traffic.of)}\n\`\`\`\n`}
| option | |
|---|---|
${options(metric).join('\n')}
`
}

function options({ with: schema }: Metric): readonly string[] {
  const required: readonly string[] = schema.required ?? []
  return Object.entries(schema.properties).map(([key, property]) => {
    const description = isObject(property) ? String(property['description'] ?? '') : ''
    const values = isObject(property) && Array.isArray(property['enum']) ? ` One of ${property['enum'].join(', ')}.` : ''
    return `| \`${key}\` | ${description}${values}${required.includes(key) ? ' Required.' : ''} |`.replaceAll(/(?<!^)\|(?!$| `| )/g, '\\|')
  })
}
