export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string'

/** What a function takes and gives. */
export interface Signature {
  readonly takes: readonly ValueType[]
  /** How many arguments the last type stands for at the least, and at the most. */
  readonly last: { readonly least: number; readonly most: number }
  readonly gives: ValueType
}

const LETTERS: Readonly<Record<string, ValueType>> = { s: 'scalar', v: 'vector', m: 'matrix', t: 'string' }

/** `v` vector, `m` matrix, `s` scalar, `t` text; `?` behind the last one: it may be left out; `*`: none or any number. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  'v>v': [
    'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count histogram_sum',
    'histogram_stddev histogram_stdvar ln log10 log2 rad sgn sin sinh sort sort_desc sqrt start_timestamp tan tanh timestamp'
  ],
  'm>v': [
    'absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate last_over_time',
    'mad_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time',
    'ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time'
  ],
  'v?>v': ['day_of_month day_of_week day_of_year days_in_month hour minute month year'],
  'vs>v': ['clamp_max clamp_min'],
  'vss>v': ['clamp'],
  'vs?>v': ['round'],
  'vv?>v': ['info'],
  'sv>v': ['histogram_quantile'],
  'ssv>v': ['histogram_fraction'],
  'vtss*>v': ['histogram_quantiles'],
  'ms>v': ['predict_linear'],
  'mss>v': ['double_exponential_smoothing'],
  'sm>v': ['quantile_over_time'],
  'vtttt>v': ['label_replace'],
  'vttt*>v': ['label_join'],
  'vt*>v': ['sort_by_label sort_by_label_desc'],
  's>v': ['vector'],
  'v>s': ['scalar'],
  'ss>s': ['max_of min_of'],
  '>s': ['time pi start end range step']
}

const SIGNATURES: ReadonlyMap<string, Signature> = new Map(
  Object.entries(TABLE).flatMap(([form, names]) => {
    const signature = signatureOf(form)
    return names.flatMap(line => line.split(' ')).map(name => [name, signature] as const)
  })
)

function signatureOf(form: string): Signature {
  const [takes = '', gives = ''] = form.split('>')
  const types = [...takes].flatMap(letter => LETTERS[letter] ?? [])
  const last = takes.endsWith('*') ? { least: 0, most: Number.POSITIVE_INFINITY } : { least: takes.endsWith('?') ? 0 : 1, most: 1 }
  return { takes: types, last, gives: LETTERS[gives] ?? 'vector' }
}

/** What Prometheus' function of that name takes and gives; undefined where there is none. Names are in lower case only. */
export function signature(name: string): Signature | undefined {
  return SIGNATURES.get(name)
}
