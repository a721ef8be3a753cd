'use client';

import { track } from '@sillage/tracker';

export function SignUp() {
  return <button onClick={() => track('Signup', { props: { plan: 'day' } })}>Sign up</button>;
}
