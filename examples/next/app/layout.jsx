import Link from 'next/link';
import { Measure } from './measure';

export const metadata = { title: 'Boats', icons: 'data:,' };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <nav>
          <Link href="/">Home</Link> <Link href="/prices">Prices</Link> <Link href="/about">About</Link>
        </nav>
        {children}
        <Measure />
      </body>
    </html>
  );
}
