import fc from 'fast-check'
import t from 'tap'
import { billionthsOf, quantityOf } from '../../../src/base/quantity.ts'

const BILLION = 1_000_000_000n

t.test('quantities as Kubernetes writes them', async t => {
  const known: readonly (readonly [string, bigint])[] = [
    ['1', BILLION],
    ['100m', BILLION / 10n],
    ['0.1', BILLION / 10n],
    ['.5', BILLION / 2n],
    ['1.', BILLION],
    ['+2', 2n * BILLION],
    ['-2', -2n * BILLION],
    ['1n', 1n],
    ['1u', 1_000n],
    ['1k', 1_000n * BILLION],
    ['1P', 10n ** 15n * BILLION],
    ['1E', 10n ** 18n * BILLION],
    ['1e3', 1_000n * BILLION],
    ['1E3', 1_000n * BILLION],
    ['12e-1', 12n * (BILLION / 10n)],
    ['1Ki', 1_024n * BILLION],
    ['0.5Gi', 2n ** 29n * BILLION],
    ['7Ei', 7n * 2n ** 60n * BILLION],
    ['0.1n', 1n]
  ]
  for (const [text, amount] of known) t.equal(billionthsOf(text), amount, text)
  for (const text of ['', '.', 'm', 'x', '1 Gi', '1gi', '1e', '1e9999', '1KiB', '0x10', `${'9'.repeat(60)}`])
    t.equal(billionthsOf(text), undefined, text)
  t.equal(quantityOf('1500m'), 1.5)
})

t.test('sums are exact: three tenths are no more than 0.3', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 20 }), thousandths => {
        const sum = thousandths.reduce((total, one) => total + (billionthsOf(`${one}m`) ?? 0n), 0n)
        return sum === billionthsOf(`${thousandths.reduce((total, one) => total + one, 0)}m`)
      })
    )
  )
})
