import { updateTag } from 'next/cache'
import { connection } from 'next/server'
import { Suspense } from 'react'
import { product } from '../../../../product.js'

/** `/products/7/edit`: a form whose action changes the product, and shows it as it is then. */
export default function Page({ params }) {
  return (
    <Suspense>
      <Editor params={params} />
    </Suspense>
  )
}

async function Editor({ params }) {
  await connection()
  const { id } = await params
  const { name } = await product(id)
  return (
    <form action={rename.bind(null, id)}>
      <output>{name}</output>
      <input name="name" defaultValue={name} />
    </form>
  )
}

async function rename(id, form) {
  'use server'
  await fetch(`${process.env.SOURCE_URL}/${id}`, { method: 'PUT', body: form.get('name') })
  // After the commit.
  updateTag(`product:${id}`)
}
