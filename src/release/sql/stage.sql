-- Writes the cells of a release into the staging table, each figure rounded once. {{cells}} is one of the cells_*.sql.
--
-- A sum is taken in units of a tenth of its step (src/release/rules.rs). A fraction of a unit is rounded up or down at
-- random in proportion; then three random digits are added, and the result is truncated to tens. It is unbiased, with a
-- standard deviation of 5.7 units. intDiv rounds towards zero, so a remainder is subtracted first. A
-- figure that another tool's export does not count stays zero (cells_figures.sql).
INSERT INTO {{database}}.staged_cells
WITH
    ({k1:UInt64}, {k2:UInt64}) AS key,
    (figure, unit, chance) -> figure + toInt64(intDiv(chance, 1000) % toUInt64(unit)) AS raised,
    (figure, unit) -> intDiv(figure - positiveModulo(figure, unit), unit) AS in_units,
    chance -> toInt64(chance % 10 + intDiv(chance, 10) % 10 + intDiv(chance, 100) % 10) - 9 AS digits,
    (units, unit) -> (units - positiveModulo(units, 10)) * unit AS cut,
    {{draw}} AS draw
SELECT
    {release:String}, day, hour, {origin:String}, site, level, name, property, value, page,
    shown,
    arrayMap(drawn -> toInt64(drawn * shown), drawns) AS outs,
    arrayMap((figure, out) -> toInt64(figure - out), figures, outs) AS rests,
    toInt64(gate_drawn * shown) AS gate_out,
    toInt64(gate - gate_out) AS gate_rest,
    published,
    days_reached
FROM
(
    SELECT
        day, hour, site, level, name, property, value, page, figures, gate, published,
        sipHash64Keyed(key, {release:String}, toString(day), toString(hour), site, level, name, property, value, page) AS cell,
        arrayMap((figure, unit, number) -> draw(figure, unit, sipHash64Keyed(key, cell, number)),
            figures, {{units}}, arrayEnumerate(figures)) AS counted_drawns,
        -- Few cells have such digits: the condition must not be evaluated figure by figure for all.
        if(level IN ('site', 'page', 'dimension', 'action', 'action_page') AND property != '',
            arrayMap((figure, drawn, number) -> if(substring(property, number, 1) = '0', figure, drawn),
                figures, counted_drawns, arrayEnumerate(figures)),
            counted_drawns) AS drawns,
        draw(gate, 1, sipHash64Keyed(key, cell, toUInt32(1))) AS gate_drawn,
        {{opens_at}} AS opens_at,
        toInt64(days_reached_before + if({kind:String} != 'day', 0,
            opens_at = 0 OR gate + toInt64(sipHash64Keyed(key, cell, toUInt32(0)) % 10) >= opens_at)) AS days_reached,
        toUInt8({{shown}}) AS shown
    FROM
    (
{{cells}}
    )
)
-- What is not shown of these levels is in no bucket.
WHERE shown OR level NOT IN ('site_hour', 'page_hour', 'dimension_page')
