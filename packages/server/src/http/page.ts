/** A list as the API answers it: `{total, limit, offset, has_more, <plural>: […]}`. */
export function pageOf<T>(
  plural: string,
  query: { readonly limit: number; readonly offset: number },
  page: { readonly total: number; readonly items: readonly T[] },
): Record<string, unknown> {
  const { limit, offset } = query;
  return { total: page.total, limit, offset, has_more: offset + page.items.length < page.total, [plural]: page.items };
}
