import { SignUp } from './sign-up';

export default function Prices() {
  return (
    <main>
      <h1>Prices</h1>
      <SignUp />
    </main>
  );
}
