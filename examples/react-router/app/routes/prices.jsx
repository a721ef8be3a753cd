import { track } from '@sillage/tracker';

export default function Prices() {
  return (
    <main>
      <h1>Prices</h1>
      <button onClick={() => track('Signup', { props: { plan: 'day' } })}>Sign up</button>
    </main>
  );
}
