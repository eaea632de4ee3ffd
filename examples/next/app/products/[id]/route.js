import { connection } from 'next/server'
import { product } from '../../../product.js'

/** `GET /products/7`: the product, as the cache has it. */
export async function GET(_request, { params }) {
  await connection()
  const { id } = await params
  return Response.json(await product(id))
}
