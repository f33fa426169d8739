import { Type } from 'typebox'
import { closed, duration } from '../schema-parts.ts'
import { metric, metricName, ofPods, podFields, span, whereField } from './metric.ts'
import { sum } from './ratio.ts'

/** Long enough for some restarts in back-off (10 s, 20 s, 40 s, 80 s), and short enough for a recovery to be confirmed within ten minutes. */
const RESTART_WINDOW = '5m'

export const KUBERNETES_RESTARTS = metric({
  name: 'kubernetes-restarts',
  title: 'How often containers of the target’s pods restarted.',
  needs:
    'kube-state-metrics, scraped with honorLabels. Without it its labels are called exported_pod and exported_namespace: say so in with.',
  notes: [
    'A pod that restarted before it was first seen counts from there on; one that was seen once has 0.',
    'Together with other queries it must agree with them: all of a policy’s queries fail before a write.'
  ],
  failWhen: '>= 2',
  with: Type.Object(
    {
      metric: metricName('kube_pod_container_status_restarts_total'),
      ...podFields,
      where: Type.Optional(whereField),
      window: Type.Optional(duration(`How far back it looks; default ${RESTART_WINDOW}.`))
    },
    closed
  ),
  // increase() extrapolates: one restart of a young pod would be two. changes() counts, and is 0 for a pod that was seen once.
  query: ({ metric: name = 'kube_pod_container_status_restarts_total', window = RESTART_WINDOW, ...options }, where) => ({
    promql: sum({
      kind: 'call',
      name: 'changes',
      args: [{ kind: 'selector', metric: name, matchers: [...ofPods(options), ...where], range: span(window) }]
    })
  })
})

/** What several partitions or queues count as. */
const OF_MANY = ['sum', 'max'] as const

export const QUEUE_LAG = metric({
  name: 'queue-lag',
  title: 'How much waits in a queue, or how far a consumer is behind.',
  needs: 'A gauge of the queue, such as that of kafka_exporter (kafka_consumergroup_lag) or RabbitMQ (rabbitmq_queue_messages_ready).',
  notes: ['It has no threshold of its own: say `failWhen`.', 'It is not bound to pods: a queue outlives them.'],
  example: { where: ['consumergroup="orders"'] },
  with: Type.Object(
    {
      metric: metricName('kafka_consumergroup_lag'),
      where: whereField,
      of: Type.Optional(Type.Enum([...OF_MANY], { description: 'What several partitions count as; default sum.' }))
    },
    closed
  ),
  query: ({ metric: name = 'kafka_consumergroup_lag', of = 'sum' }, where) => ({
    promql: { kind: 'aggregation', operator: of, of: { kind: 'selector', metric: name, matchers: where } }
  })
})
