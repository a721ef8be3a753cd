export default function Home() {
  return (
    <main>
      <h1>Boats for a day</h1>
      <a href="https://weather.example/">Weather</a>
    </main>
  );
}
