-- The bounds in force.
select bounds::text from portrait.rankings where bounds is not null
