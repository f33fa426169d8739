import fc from 'fast-check'
import { RE2JS } from 're2js'
import t from 'tap'
import { boundarySpellings, canonicalBoundary } from '../../../../src/verification/series/bucket-spellings.ts'

/** A boundary as instrumented programs have them: up to four digits, from nanoseconds to years. */
const boundary = fc
  .tuple(fc.integer({ min: 1, max: 9_999 }), fc.integer({ min: -9, max: 7 }))
  .map(([digits, power]) => Number(`${digits}e${power}`))

/** Go's shortest form: an exponent below 1e-4, and from 21 or the digits' own length on; Prometheus 3 adds `.0` to whole numbers. */
function asGo(value: number): string {
  const [mantissa = '', power = '0'] = value.toExponential().split('e')
  const exponent = Number(power)
  const digits = mantissa.replace('.', '').length
  const most = digits > 6 || digits < exponent + 1 ? Math.max(6, digits) : Math.max(digits, 6)
  if (exponent >= -4 && exponent < most) return plain(value)
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function plain(value: number): string {
  const [mantissa = '', power = '0'] = value.toExponential().split('e')
  const places = Math.max(0, -Number(power) + (mantissa.split('.')[1] ?? '').length)
  return value.toFixed(places)
}

function asJava(value: number): string {
  if (value >= 1e-3 && value < 1e7) return plain(value).includes('.') ? plain(value) : `${plain(value)}.0`
  const [mantissa = '', power = '0'] = value.toExponential().split('e')
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(power)}`
}

t.test('a boundary is found however Go, Java, JavaScript or Prometheus 3 write it, and nothing else is', async t => {
  fc.assert(
    fc.property(boundary, fc.constantFrom(asGo, asJava, plain, String), boundary, (value, write, other) => {
      const spellings = RE2JS.compile(boundarySpellings([value]))
      const written = write(value)
      const openMetrics = /[.e]/.test(written) ? written : `${written}.0`
      for (const text of [written, openMetrics]) {
        if (!spellings.matches(text)) return false
        if (canonicalBoundary(text) !== String(value)) return false
      }
      return other === value || !spellings.matches(write(other))
    }),
    { numRuns: 2_000 }
  )
  t.ok(RE2JS.compile(boundarySpellings([1])).matches('+Inf'))
})

t.test('what is no boundary has no name', async t => {
  t.equal(canonicalBoundary('+Inf'), '+Inf')
  t.equal(canonicalBoundary('Inf'), '+Inf')
  for (const none of ['', ' ', 'many', 'NaN']) t.equal(canonicalBoundary(none), undefined, none)
})
