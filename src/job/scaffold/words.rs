//! What a name suggests: its words, and the vocabularies that tell ids, times, labels and amounts apart.
//!
//! In: a column's or table's name. Out: words and yes or no. Values are looked at elsewhere; a name alone decides nothing.

/// People and their likes, from the surest to those that change hands.
pub(super) const ENTITIES: &str = "user customer household client member patient person shopper buyer subscriber consumer player student employee guest \
     passenger driver viewer reader listener learner tenant policyholder donor account cust usr uid card contract company vehicle \
     machine visitor device cookie msno session";
/// What is shown, bought, read, from the surest to those that contain others.
pub(super) const ITEMS: &str = "product item sku article stock asin isbn ean gtin upc movie film video song track book listing ad advert creative hotel room \
     restaurant recipe dish game app course lesson job vacancy post news story photo episode show offer artist content iid pid \
     merchant store";
/// What names one event or a bundle of them: never a key of a job.
const ROWS: &str = "order basket transaction invoice event receipt line row log impression request ticket trip visit payment record index trace \
     shipment click batch";
/// Last words of an id's name.
const ID_ENDINGS: &str = "id ids key code no nr num number uuid guid hash sku uid idx";
/// Columns that say where a row was served, from the surest to the vaguest. The first seven may be whole numbers.
pub(super) const SCENARIOS: &str = "scenario scene placement surface channel tab slot page section source medium platform device app context shelf widget site \
     portal market region country";
/// Words for the first of [`SCENARIOS`] that may be coded as whole numbers.
pub(super) const CODED_SCENARIOS: usize = 7;
/// Labels in the order of a funnel.
pub(super) const LABELS: &str = "open opened view viewed click clicked clk like liked favorite favourite follow followed comment commented share shared save \
     saved forward cart carted atc book booked install installed signup subscribe subscribed convert converted conversion cvr \
     purchase purchased buy bought ordered pay paid redeem redeemed return returned churn";
/// Labels that say so themselves.
const PLAIN_LABELS: &str = "label target outcome success response responded accepted completed churned default fraud renewed";
/// Labels of buying: where an amount is spent.
const BUYING: &str = "purchase purchased buy bought ordered pay paid convert converted conversion booked";
/// Money that changed hands, from the surest to the vaguest.
pub(super) const AMOUNTS: &str =
    "spend spent revenue amount sales turnover gmv total subtotal payment paid fare value net gross premium cost price";
/// Opinions on a scale.
const RATINGS: &str = "rating ratings stars grade";
const QUANTITIES: &str = "quantity qty units pieces count";
const ARRIVALS: &str = "arrived arrival loaded load ingested ingest ingestion received inserted insert synced processed etl extracted landed \
     available imported exported";
/// Times that are not when something happened.
const OTHER_TIMES: &str = "updated modified changed deleted birth birthday born dob expiry expires expired due end ends ended until signup registered \
     registration joined founded valid planned scheduled";
const TIMES: &str = "time timestamp ts date datetime day at on when ms millis epoch occurred dt";
/// The beginning of something that a table describes.
const BEGINNINGS: &str = "created signup registered registration joined opened launched listed released since founded born";
/// Values that grow or change after the fact: in a table without a time they tell the future.
const UPDATED: &str = "last latest lifetime total updated modified current recent ever cumulative ltv";
/// Whole numbers that are names and not quantities.
const CODES: &str =
    "type code category class group segment level zip postal postcode week month hour weekday dow year cluster region version";

/// The words of a name in lower case: `CustomerID` and `customer_id` are customer, id; `userid` is user, id.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let new_hump = c.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase() || before.is_numeric())
                || (before.is_some_and(char::is_uppercase) && chars.get(at + 1).is_some_and(|next| next.is_lowercase())));
        if (!c.is_alphanumeric() || new_hump) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words.into_iter().flat_map(|word| unglued(&word)).collect()
}

/// `userid` is two words; `paid` is one.
fn unglued(word: &str) -> Vec<String> {
    for ending in ["id", "key", "code", "no", "number", "uuid"] {
        if let Some(stem) = word.strip_suffix(ending)
            && ([ENTITIES, ITEMS, ROWS]
                .into_iter()
                .any(|list| is_among(list, stem) || stem.strip_suffix('s').is_some_and(|one| is_among(list, one))))
        {
            return vec![stem.to_owned(), ending.to_owned()];
        }
    }
    vec![word.to_owned()]
}

/// Whether a word is one of a vocabulary.
pub(super) fn is_among(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

/// Place of the first of a vocabulary that is among `words`: the smaller, the surer.
pub(super) fn place(list: &str, words: &[String]) -> Option<usize> {
    list.split(' ').position(|known| words.iter().any(|word| word == known || word.strip_suffix('s') == Some(known)))
}

fn any(list: &str, words: &[String]) -> bool {
    place(list, words).is_some()
}

/// Whether the name ends as names of ids do.
pub(super) fn ends_as_id(words: &[String]) -> bool {
    words.last().is_some_and(|last| is_among(ID_ENDINGS, last))
}

/// Whether the name is of one event or a bundle of them, and not of whom or what.
pub(super) fn names_a_row(words: &[String]) -> bool {
    any(ROWS, words) || words.len() == 1 && words[0] == "id"
}

/// The name without its ending: `customer_id` is about a customer.
pub(super) fn base(words: &[String]) -> String {
    let kept: Vec<&str> = words.iter().map(String::as_str).filter(|word| !is_among(ID_ENDINGS, word) || *word == "sku").collect();
    kept.join("_")
}

/// The singular of a table's name, as far as an `s` makes the plural.
pub(super) fn singular(name: &str) -> &str {
    if name.ends_with("ss") { name } else { name.strip_suffix('s').unwrap_or(name) }
}

/// Whether the name says that the column is a time.
pub(super) fn sounds_like_time(words: &[String]) -> bool {
    let glued = |word: &String| {
        (word.ends_with("date") || word.ends_with("time") || word.ends_with("timestamp"))
            && !["update", "candidate", "mandate", "lifetime", "runtime", "uptime", "overtime"].contains(&word.as_str())
    };
    any(TIMES, words) || words.iter().any(glued)
}

/// Whether the name is of when a row arrived.
pub(super) fn sounds_like_arrival(words: &[String]) -> bool {
    any(ARRIVALS, words)
}

/// Whether the name is of a time that is not the event's.
pub(super) fn sounds_like_another_time(words: &[String]) -> bool {
    any(OTHER_TIMES, words)
}

/// Whether the name is of when something began.
pub(super) fn sounds_like_a_beginning(words: &[String]) -> bool {
    any(BEGINNINGS, words)
}

/// Whether the name is of a value that changes after the fact.
pub(super) fn sounds_updated(words: &[String]) -> bool {
    // A marital status stays as it is; an account's does not.
    let of_dealings = words.len() == 1 || any("account order subscription customer user contract", words);
    any(UPDATED, words) || (any("status", words) && of_dealings)
}

/// Whether the name is of a code and not of a quantity.
pub(super) fn sounds_like_a_code(words: &[String]) -> bool {
    any(CODES, words) || ends_as_id(words)
}

/// Whether the name is of a part of the calendar: the event time says it already.
pub(super) fn sounds_like_calendar(words: &[String]) -> bool {
    any("week month hour day weekday dow year quarter minute", words)
}

/// Place in the funnel of a label's name; `None` when it is not one.
pub(super) fn label_place(words: &[String]) -> Option<usize> {
    let named = LABELS.split(' ').position(|known| words.iter().any(|word| word == known));
    named.or_else(|| any(PLAIN_LABELS, words).then_some(usize::MAX))
}

/// Whether a label is of buying.
pub(super) fn sounds_like_buying(words: &[String]) -> bool {
    any(BUYING, words)
}

/// Whether the name is of an opinion on a scale.
pub(super) fn sounds_like_a_rating(words: &[String]) -> bool {
    any(RATINGS, words)
}

/// Whether the name is of a number of pieces.
pub(super) fn sounds_like_a_quantity(words: &[String]) -> bool {
    any(QUANTITIES, words)
}

/// Whether the table's name says that its events are sales.
pub(super) fn sounds_like_sales(words: &[String]) -> bool {
    any("order sale transaction purchase invoice receipt basket booking line", words)
}
