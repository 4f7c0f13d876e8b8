import type { FieldType } from './field-type.ts'

export interface TypedField {
  readonly measurement: string
  readonly field: string
  readonly type: FieldType
}

/** The type that each field name has, by whom it is for: a device, or '' where all devices share it. */
export class FieldTypes {
  readonly #byOwner = new Map<string, Map<string, FieldType>>()

  get(owner: string, measurement: string, field: string): FieldType | undefined {
    return this.#byOwner.get(owner)?.get(keyOf(measurement, field))
  }

  set(owner: string, { measurement, field, type }: TypedField): void {
    const types = this.#byOwner.get(owner) ?? new Map<string, FieldType>()
    this.#byOwner.set(owner, types.set(keyOf(measurement, field), type))
  }

  countOf(owner: string): number {
    return this.#byOwner.get(owner)?.size ?? 0
  }

  drop(owner: string): void {
    this.#byOwner.delete(owner)
  }

  *entries(): Iterable<TypedField & { readonly owner: string }> {
    for (const [owner, types] of this.#byOwner) {
      for (const [key, type] of types) {
        const [measurement = '', field = ''] = key.split('\n')
        yield { owner, measurement, field, type }
      }
    }
  }
}

/** No name has a line break in it. */
function keyOf(measurement: string, field: string): string {
  return `${measurement}\n${field}`
}
