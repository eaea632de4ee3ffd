import { revalidatePath, revalidateTag } from 'next/cache'

/** `POST /products/7/revalidate`, with `?path` the path instead of the tag: for services that change it. */
export async function POST(request, { params }) {
  const { id } = await params
  if (new URL(request.url).searchParams.has('path')) revalidatePath(`/products/${id}`)
  else revalidateTag(`product:${id}`, { expire: 0 })
  return new Response(null, { status: 204 })
}
