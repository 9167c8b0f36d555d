-- Which words of a title are clicked: the click rate of the impressions that show the word.
with words as (
    select
        product_id,
        unnest(string_to_array(title, ' ')) as word
    from products
)

select
    words.word,
    count(*) as impressions,
    avg(cast(impressions.clicked as double)) as click_rate
from impressions
inner join words on words.product_id = impressions.product_id
group by words.word
having count(*) >= 100
order by click_rate desc, words.word
