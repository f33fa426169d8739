import fc from 'fast-check'
import { Counter, Histogram, type OpenMetricsContentType, Registry } from 'prom-client'
import t from 'tap'
import { createExpositionReader, type Exposition, MOST_SERIES } from '../../../../src/verification/pods/exposition.ts'
import { nameIn, readSample } from '../../../../src/verification/pods/exposition-line.ts'
import type { Labels } from '../../../../src/verification/sequential/counting/scrape.ts'

const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const TEXT = 'text/plain; version=0.0.4; charset=utf-8'

interface Page {
  readonly type?: string
  readonly wanted?: readonly string[]
  /** Bytes of each piece. */
  readonly pieces?: number
  readonly known?: Map<string, Labels>
}

function read(
  body: string | Uint8Array,
  { type = TEXT, wanted = ['requests_total'], pieces = 7, known = new Map() }: Page = {}
): Exposition {
  const names = new Set(wanted)
  const reader = createExpositionReader({ wanted: name => names.has(name), known })
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  for (let at = 0; at < bytes.length; at += pieces) reader.take(bytes.subarray(at, at + pieces))
  return reader.end(type)
}

/** Each series as `labels value`. */
function told(said: Exposition): unknown {
  if (said.kind === 'unusable') return `${said.because}: ${said.detail}`
  return said.series.map(({ labels: { __name__, ...labels }, value }) => [__name__, labels, value])
}

t.test('lines as exporters write them', async t => {
  const of = (line: string): unknown => {
    const sample = readSample(line)
    if (sample.kind === 'broken') return sample.why
    const { __name__, ...labels } = sample.labels
    return [__name__, labels, sample.value]
  }
  t.same(of('go_goroutines 33'), ['go_goroutines', {}, 33])
  t.same(of('go_gc_seconds{ quantile="0.9", a="b",} 8.3835e-05'), ['go_gc_seconds', { quantile: '0.9', a: 'b' }, 8.3835e-5], 'a last comma')
  t.same(of('jvm_bytes{area="heap",} 9.4094392E12'), ['jvm_bytes', { area: 'heap' }, 9.4094392e12], 'Java’s exponent')
  t.same(of('\twind_speed {\ta = "2"\t,c="3" }\t12345\t1395066363000'), ['wind_speed', { a: '2', c: '3' }, 12345])
  t.same(of('a_bucket{le="+Inf"} 17 # {trace_id="oHg5\\"} SJ#"} 0.67 1520879607.789'), ['a_bucket', { le: '+Inf' }, 17], 'an exemplar')
  t.same(of('a_total{n="1"} 0 # {"net.http"="abc"} 1.0'), ['a_total', { n: '1' }, 0], 'an exemplar with a quoted label')
  t.same(
    of('a_bucket{le="5000.0"} 3 1.697141781462e+09 #  5.9060365 1.69e9'),
    ['a_bucket', { le: '5000.0' }, 3],
    'an exemplar without labels'
  )
  t.same(of('t{label="\\"bar\\" C:\\\\x\\n# } \\q"} 1'), ['t', { label: '"bar" C:\\x\n# } \\q' }, 1], 'escapes; others stay')
  t.same(of('{"http.requests_total",code="200",} 5'), ['http_requests_total', { code: '200' }, 5], 'a name of any characters')
  t.same(of('t{"http.response.status_code"="500"} 5'), ['t', { http_response_status_code: '500' }, 5])
  t.same(of('_a:b{_c="d"} +Inf'), ['_a:b', { _c: 'd' }, Number.POSITIVE_INFINITY])
  t.same(of('a -inf'), ['a', {}, Number.NEGATIVE_INFINITY])
  t.ok(Number.isNaN((of('a NaN') as readonly unknown[])[2]))
  t.same(of('a{__proto__="x"} 1.'), ['a', Object.fromEntries([['__proto__', 'x']]), 1])
  for (const [line, why] of [
    ['a', /no value/],
    ['a{b="c"}', /no value/],
    ['a true', /no number/],
    ['a 1_2', /no number/],
    ['a 0x1p-3', /no number/],
    ['a 1 2 3', /more than/],
    ['a 1 x', /timestamp/],
    [`a{b='c'} 1`, /not quoted/],
    ['a{b="c} 1', /does not end/],
    ['a{b="c" d="e"} 1', /commas/],
    ['a{=""} 0', /label’s name/],
    ['a{b="1",b="2"} 0', /twice/],
    ['a{__name__="b"} 0', /twice/],
    ['{a="ok"} 1', /names no metric/],
    ['{"a","b"} 1', /no value/],
    ['token{name="MacBook Pro 14" registry R/W",id="218"} -794', /commas/],
    ['9a 1', /name/]
  ] as const)
    t.match(of(line), why, line)
})

t.test('what prom-client writes is read, in both formats', async t => {
  const open = new Registry<OpenMetricsContentType>()
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  for (const registry of [new Registry(), open]) {
    const enableExemplars = registry === open
    const requests = new Counter({
      name: 'http_requests_total',
      help: 'All\nof "them"',
      labelNames: ['code', 'route'],
      registers: [registry],
      enableExemplars
    })
    const seconds = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'h',
      labelNames: ['code'],
      buckets: [0.1, 1],
      registers: [registry],
      enableExemplars
    })
    if (enableExemplars) {
      requests.inc({ labels: { code: '200', route: '/a"b\\c\nd' }, value: 3, exemplarLabels: { code: 'x } # {' } })
      requests.inc({ labels: { code: '500', route: '/ü/√' }, value: 2 })
      seconds.observe({ labels: { code: '200' }, value: 0.5, exemplarLabels: { code: 'y' } })
    } else {
      requests.inc({ code: '200', route: '/a"b\\c\nd' }, 3)
      requests.inc({ code: '500', route: '/ü/√' }, 2)
      seconds.observe({ code: '200' }, 0.5)
    }
    const body = await registry.metrics()
    t.same(
      told(read(body, { type: registry.contentType, wanted: ['http_requests_total', 'http_request_duration_seconds_bucket'] })),
      [
        ['http_requests_total', { code: '200', route: '/a"b\\c\nd' }, 3],
        ['http_requests_total', { code: '500', route: '/ü/√' }, 2],
        ['http_request_duration_seconds_bucket', { le: '0.1', code: '200' }, 0],
        ['http_request_duration_seconds_bucket', { le: '1', code: '200' }, 1],
        ['http_request_duration_seconds_bucket', { le: '+Inf', code: '200' }, 1]
      ],
      registry.contentType
    )
  }
})

t.test('whatever is written is read again, however it is cut into pieces', async t => {
  const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}$/)
  const label = fc.stringMatching(/^[a-z][a-z0-9_]{0,6}x$/)
  const sample = fc.record({
    name,
    labels: fc.dictionary(label, fc.string({ unit: 'binary', maxLength: 12 }), { maxKeys: 3, noNullPrototype: true }),
    value: fc.oneof(fc.double({ min: 0, noNaN: true }), fc.nat()),
    exemplar: fc.boolean()
  })
  const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 8 }), fc.boolean(), fc.integer({ min: 1, max: 40 }), (samples, open, pieces) => {
      const lines = samples.flatMap(({ name, labels, value, exemplar }) => {
        const written = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`)
        const set = written.length === 0 ? '' : `{${written.join(',')}}`
        const number = value === Number.POSITIVE_INFINITY ? '+Inf' : String(value)
        return [`# TYPE ${name} counter`, `${name}${set} ${number}${exemplar ? ' # {a="} 1"} 1' : ''}`]
      })
      const body = [...lines, ...(open ? ['# EOF', ''] : [''])].join('\n')
      t.same(
        told(read(body, { type: open ? OPEN : TEXT, wanted: samples.map(one => one.name), pieces })),
        // A lone half of a character pair cannot be sent.
        samples.map(({ name, labels, value }) => [
          name,
          Object.fromEntries(Object.entries(labels).map(([key, text]) => [key, text.toWellFormed()])),
          value
        ])
      )
    }),
    { numRuns: 200 }
  )
})

t.test('no bytes whatever break the reader, and what it keeps is wanted', async t => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc
      .constantFrom('requests_total', '{', '}', '"', '\\', 'a="b"', ',', ' 1', '\n', '# EOF\n', '#', '\r\n', '\0', ' 1e5', 'other 3\n')
      .map(text => Buffer.from(text))
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), parts => {
      const said = read(Buffer.concat(parts))
      if (said.kind === 'read') t.ok(said.series.every(({ labels }) => labels['__name__'] === 'requests_total'))
    }),
    { numRuns: 300 }
  )
})

t.test('a broken line of another metric is passed over; one of a wanted metric makes the page unusable', async t => {
  t.same(told(read('other{name="a" b"} 1\nrequests_total 5\nother{ 1\n')), [['requests_total', {}, 5]])
  t.equal(told(read('other 1\nrequests_total{code="2" 00"} 1\n')), 'rejected: line 2: labels are not parted by commas')
  t.equal(told(read('other 1\n{"requests_total",code=2} 1\n')), 'rejected: line 2: a label’s value is not quoted')
})

t.test('a pod that shows no such series has been read', async t => {
  t.same(told(read('')), [])
  t.same(told(read('# EOF\n', { type: OPEN })), [])
  t.same(told(read('\n\n# HELP a b\n# random\nother 1\n\n\n')), [])
})

t.test('what is no metrics says so, and so does what is cut off', async t => {
  const html = '<!DOCTYPE html>\n<html><body>requests_total 5</body></html>\n'
  t.equal(told(read(html, { type: 'text/html; charset=utf-8' })), 'rejected: it answers text/html, and no metrics')
  t.equal(told(read(html)), 'rejected: what it answers is no metrics')
  t.equal(told(read('Not Found\n')), 'rejected: what it answers is no metrics')
  t.equal(told(read('{"status":"UP"}', { type: 'application/json' })), 'rejected: it answers application/json, and no metrics')
  t.equal(told(read('{"status":"UP"}', { type: '' })), 'rejected: what it answers is no metrics')
  t.equal(told(read('requests_total 1\n', { type: OPEN })), 'rejected: its answer is cut off: no # EOF')
  t.equal(told(read('requests_total 1\n# EOF\nrequests_total 2\n', { type: OPEN })), 'rejected: line 3 stands behind the end (# EOF)')
  t.same(told(read('requests_total 12', { type: '' })), [['requests_total', {}, 12]], 'no type, and no last line feed')
  t.same(told(read('requests_total 12\r\n# x\r\n')), [['requests_total', {}, 12]])
})

t.test('what is no UTF-8 stays as it is, so that no request shuts a pod out', async t => {
  const body = Buffer.concat([
    Buffer.from('requests_total{path="/a'),
    Buffer.from([0xff]),
    Buffer.from('"} 1\nrequests_total{path="/ü"} 2\n')
  ])
  t.same(told(read(body, { pieces: 3 })), [
    ['requests_total', { path: '/a\u00ff' }, 1],
    ['requests_total', { path: '/ü' }, 2]
  ])
})

t.test('a pod’s own labels are none of a scraper’s target, and the greatest bucket has one name', async t => {
  t.same(told(read('requests_total{host="a",service="s",code="200"} 1\nrequests_total{host="b",service="s",code="200"} 2\n')), [
    ['requests_total', { exported_host: 'a', exported_service: 's', code: '200' }, 1],
    ['requests_total', { exported_host: 'b', exported_service: 's', code: '200' }, 2]
  ])
  t.same(told(read('requests_total{endpoint="/pay"} 1\n')), [['requests_total', { path: '/pay' }, 1]])
  t.same(told(read('a_bucket{le="inf"} 1\n', { wanted: ['a_bucket'] })), [['a_bucket', { le: '+Inf' }, 1]])
})

t.test('the same series twice is told twice: whoever counts judges that', async t => {
  t.same(told(read('requests_total 1\nrequests_total 2\nrequests_total NaN\n')), [
    ['requests_total', {}, 1],
    ['requests_total', {}, 2],
    ['requests_total', {}, Number.NaN]
  ])
})

t.test('too many series, and lines without an end, are not read to their end', async t => {
  const many = Array.from({ length: MOST_SERIES + 1 }, (_, index) => `requests_total{user="${index}"} 1`).join('\n')
  t.match(told(read(many, { pieces: 65_536 })), /^too-much: more than 20000 series/)
  const reader = createExpositionReader({ wanted: () => true, known: new Map() })
  const piece = Buffer.alloc(40_000, 'x')
  t.same([reader.take(piece), reader.take(piece), reader.take(piece)], [true, false, false])
  t.match(told(reader.end(TEXT)), /^too-much: line 1 has more than 65536 bytes/)
  t.match(told(read(`a 1\n${'y'.repeat(70_000)} 1\n`, { pieces: 100_000 })), /^too-much: line 2/)
})

t.test('labels are kept once, however often a pod is read', async t => {
  const known = new Map<string, Labels>()
  const [first, second] = [1, 2].map(value => read(`requests_total{code="200"} ${value}\n`, { known }))
  if (first?.kind !== 'read' || second?.kind !== 'read') throw new Error('it reads')
  t.equal(first.series[0]?.labels, second.series[0]?.labels)
})

t.test('a metric’s name is found without reading the line', async t => {
  t.equal(nameIn('a_total{b="c" broken'), 'a_total')
  t.equal(nameIn('  {"a.total" , x'), 'a_total')
  t.equal(nameIn('{a="b"} 1'), '')
  t.equal(nameIn('<html>'), '')
})
