"""Who was hit: only by the word list, only where missing, with the phrase kept."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.incidents.foreign_victims import hits_foreigners, is_violence, tells_victims
from riskmap.incidents.victim_notes import find_facts
from riskmap.incidents.words import find_group


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Three Chinese engineers were killed", {"nationality": "CHN", "foreign_victims": 3}),
        ("3 INGO international (Spanish) staff killed", {"nationality": "ESP"}),
        ("a Turkish road engineer was abducted", {"nationality": "TUR", "foreign_victims": 1}),
        ("Turkish road engineers were abducted", {"nationality": "TUR", "foreign_victims": None}),
        ("an attack on foreign contractors", {"staff_type": "international"}),
        ("two Chinese workers and one Turkish driver", {"nationality": "CHN;TUR"}),
        ("workers at a coal mine", {"sector": "mining", "nationality": None}),
        ("the truck driver was shot", {"sector": "transport"}),
        # a note that names local people rarely says that nobody else was hit
        ("Afghan engineer killed", {"nationality": None, "staff_type": None}),
        ("CHINESE ENGINEERS SHOT DEAD AT GOLD MINE", {"nationality": "CHN"}),
        ("N/A", {"nationality": None}),  # as capital as words get
        ("the Chinese border is near", {"nationality": None}),
        ("polish the mine", {"nationality": None}),
        ("attack claimed by ISKP", {"claimed_by": "Islamic State Khorasan Province"}),
        ("The BLA has claimed responsibility", {"claimed_by": "Balochistan Liberation Army"}),
        ("police blamed the Taliban", {"claimed_by": None}),
        ("", {"nationality": None, "sector": None}),
    ],
)
def test_facts(text, expected):
    facts = find_facts(text, "AFG")
    for column, value in expected.items():
        assert facts.get(column, (None, ""))[0] == value
    for _, phrase in facts.values():
        assert phrase in text


@pytest.mark.parametrize(
    ("text", "nations", "number"),
    [
        ("Five workers from India", "IND", 5),
        ("5 Chinese injured", "CHN", 5),
        ("Two Chinese killed", "CHN", 2),
        ("PRC national killed", "CHN", None),
        ("2 Chinese and 1 Afghan killed", "AFG;CHN", 2),
        ("an expat was killed", None, 1),
        ("kidnapped two foreigners", None, 2),
        ("中国公民一人遇害", "CHN", 1),
        ("3名中国工人被绑架", "CHN", 3),
        ("Chinese mine employee killed on the road", "CHN", None),
        ("Chinese workers attacked at gold mine", "CHN", None),
        ("Three Turks and two Egyptians were taken by kidnappers", "EGY;TUR", 5),
        ("one Afghan killed", None, None),
        ("Afghan driver killed and his chinese passenger abducted", "AFG;CHN", None),
        ("two chinese engineers killed", "CHN", 2),
        ("two chinese killed", "CHN", 2),
        ("Gunmen open fire on chinese workers", "CHN", None),
        ("Suicide bomber rammed a bus with Chinese on board", "CHN", None),
        ("Victim: Chinese male, 34", "CHN", None),
        ("Victims: 3 Chinese, 1 Pakistani", "CHN;PAK", 4),
        ("Nationality: Chinese", "CHN", None),
        ("The victim was Chinese", "CHN", None),
        ("The dead were Pakistani and Chinese", "CHN;PAK", None),
        ("the miners, all Chinese, were shot", "CHN", None),
        ("Chinese gold buyer killed", "CHN", None),
        ("两名华人被枪杀", "CHN", 2),
        ("中方人员遇袭", "CHN", None),
        ("中资企业员工受伤", "CHN", None),
        ("一名中国籍男子被杀", "CHN", 1),
        ("Three workers were killed, Americans said", None, None),
        ("Three workers were killed by Americans", None, None),
        ("Chinese embassy condemned the attack", None, None),
        ("Chinese-made rockets killed two", None, None),
        ("chinese rockets killed two", None, None),
        ("107mm Chinese rocket hit a camp", None, None),
        ("Chinese-language sign damaged, one killed", None, None),
        ("Chinese state media reported 3 killed", None, None),
        ("two killed with a chinese pistol", None, None),
        ("told to polish miners' boots, killed", None, None),
        ("没有中国公民伤亡", None, None),
        ("暂无中国公民伤亡报告", None, None),
        ("未造成中国公民伤亡", None, None),
        ("中国大使馆谴责袭击", None, None),
        ("中国制造的火箭弹袭击", None, None),
        ("中方谴责袭击", None, None),
        ("当地华人社区谴责袭击", None, None),
        ("20,000 Indians", None, None),
        ("No Chinese nationals were hurt", None, None),
        ("No foreigners were hurt", None, None),
        ("Talks with Chinese officials", None, None),
        ("Two Chinese road builders were killed", "CHN", 2),
        ("Two Turkish road-builders abducted", "TUR", 2),
        ("gunmen shot three Chinese truckers", "CHN", 3),
        ("Two Indian electricians were kidnapped", "IND", 2),
        ("a French cameraman was wounded", "FRA", 1),
        ("Two French humanitarians were killed", "FRA", 2),
        ("Two Chinese lorries were stopped and a man killed", None, None),
        ("Americans killed the leader", None, None),
        ("Chinese border forces killed two workers", None, None),
        ("Foreign journalists say that 20 were killed", None, None),
        ("Workers from Niger Delta killed", None, None),
    ],
)
def test_who_was_hit_is_known_from_what_desks_write(text, nations, number):
    facts = find_facts(text, "AFG")
    assert facts.get("nationality", (None,))[0] == nations
    assert facts.get("foreign_victims", (None,))[0] == number


@pytest.mark.parametrize(
    ("text", "nations", "number"),
    [
        ("1x IND KIA", "IND", 1),
        ("1xCHN KIA", "CHN", 1),
        ("CHN KIA x 1", "CHN", 1),
        ("PRC x2 KIA", "CHN", 2),
        ("KIA IND x 2", "IND", 2),
        ("KIA: 2 x IND", "IND", 2),
        ("3 KIA (1 IND)", "IND", 1),
        ("WIA (IND)", "IND", None),
        ("2 killed (Chinese)", "CHN", None),
        ("Victim: IND", "IND", None),
        ("1 PAX CHN WIA", "CHN", 1),
        ("1 TUR PAX WIA", "TUR", 1),
        ("TUR national WIA", "TUR", None),
        ("IND driver injured by IED", "IND", None),
        ("Three incl. 1 x CHN national KIA", "CHN", 1),
        ("Chinese x 2 WIA", "CHN", 2),
        ("IED vs convoy, 1x CHN KIA 2x LN WIA", "CHN", 1),
        ("VBIED AT CAMP GATE 1X IND KIA 2X CHN WIA", "CHN;IND", 3),
        ("2X CHINESE KIA 1X IND WIA", "CHN;IND", 3),
        ("TWO CHINESE ROAD ENGINEERS KILLED", "CHN", 2),
        ("2 CHINESE MINING ENGINEERS ABDUCTED", "CHN", 2),
        ("Gunmen abducted 1 x EXP", None, 1),
        ("2 x CHN, 1 x IND abducted", "CHN;IND", 3),
        ("1 CHN fatality", "CHN", 1),
        ("one (1) Chinese national killed", "CHN", 1),
        ("CIV citizen killed", "CIV", None),
        ("2 ROK engineers kidnapped", "KOR", 2),
        ("2 x EXP kidnapped", None, 2),
        ("1 EXP WIA", None, 1),
        ("2 Chinese expats abducted", "CHN", 2),
        ("TCN killed", None, 1),
        ("1 LN and 1 TCN KIA", None, 1),
        ("TWO TCN KILLED", None, 2),
        ("Nepali TCN killed", "NPL", None),
        ("two third-country nationals abducted", None, 2),
        ("2 x chinos secuestrados", "CHN", 2),
        ("1 x ingénieur chinois tué", "CHN", 1),
        ("1 x китайский инженер убит", "CHN", 1),
        ("中国工人2名死亡", "CHN", 2),
        ("2 CHN reported killed", "CHN", 2),
        ("2 IND believed to have been kidnapped", "IND", 2),
        ("1 CHN later found dead", "CHN", 1),
        ("3 Chinese (reported) missing", "CHN", 3),
        ("2 CHN poss. KIA", "CHN", 2),
        ("Chinese reported killed", "CHN", None),
        ("foreigner reported killed", None, 1),
        ("2 chn killed", "CHN", 2),
        ("2 KIA CHN", "CHN", None),
        ("1 IND KIA 2 CHN WIA", "CHN;IND", 3),
        ("CHN engineer killed", "CHN", None),
        ("2 x CAN KIA", "CAN", 2),
        ("2 CAN reported killed", "CAN", 2),
        ("CAN engineer killed", "CAN", None),
        ("2X CAN KIA 1X IND WIA", "CAN;IND", 3),
        ("2 x MAR KIA", "MAR", 2),
        ("WIA (BRA)", "BRA", None),
        ("KIA: 1 CAN, 2 IND", "CAN;IND", 3),
        ("2 CAN + 1 CHN reported killed", "CAN;CHN", 3),
        ("2 CHN among the dead", "CHN", 2),
        ("Nationality: POL, one killed", "POL", None),
    ],
)
def test_the_short_forms_of_logs_name_victims(text, nations, number):
    facts = find_facts(text, "AFG")
    assert facts.get("nationality", (None,))[0] == nations
    assert facts.get("foreign_victims", (None,))[0] == number
    assert facts["staff_type"][0] == "international"
    assert all(phrase in text for _, phrase in facts.values())


@pytest.mark.parametrize(
    "text",
    [
        *("2 CIV KIA", "1x POL KIA", "3 GRD WIA", "1 COL KIA", "1 x LN KIA", "2 PAX WIA"),
        *("2 EXP heard, one killed", "EXP killed 3", "1 x IED killed 2"),
        *("5 MAR: 3 killed", "TWO KILLED AND 3 WIA", "CAR killed two", "GEO reporter killed"),
        *("11 killed, including NLD members", "Member of the NLD killed", "UGA killed 3"),
        *("police killed 3 in IRQ", "MLI: 3 workers killed", "PAK army killed 3"),
        *(
            "CHN reported 3 killed",
            "USA reported killed in raid",
            "2 ind killed",
            "2 can be killed",
        ),
        *("2 x POL reported KIA", "ON 5 MAR 3 KILLED", "5 MAR KIA 2", "2 EST KIA", "3 ARE KIA"),
        *("NO GUARD NOR DRIVER WAS KILLED", "THE CAN DRIVER WAS KILLED", "2 KIA PAK army came"),
        *("No CHN reported killed", "2 CHN reported unharmed, 3 locals killed"),
    ],
)
def test_other_words_in_capitals_are_no_nation(text):
    assert find_facts(text, "AFG").keys() <= {"sector", "killed", "wounded"}


@pytest.mark.parametrize(
    "text",
    [
        "International Executive Board met after 3 were killed",
        "3 killed on International Women's Day",
        "Foreign minister said men were killed",
    ],
)
def test_names_of_bodies_and_days_are_no_foreign_people(text):
    assert find_facts(text, "AFG").keys() <= {"sector", "killed", "wounded"}


@pytest.mark.parametrize(
    "text",
    [
        "International staff killed",
        "An international NGO worker was abducted",
        "int'l staff member wounded",
        "Two international UN workers kidnapped",
    ],
)
def test_international_staff_are_foreign_people(text):
    assert find_facts(text, "AFG")["staff_type"][0] == "international"


def test_the_law_of_war_is_no_staff():
    told = "Killings in Bria: Violations of International Humanitarian Law by the UPC"
    assert find_facts(told, "CAF").keys() <= {"sector", "killed", "wounded"}


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("attack on a Chinese company's mine", "foreigners"),
        ("a bomb aimed at foreigners", "foreigners"),
        ("Chinese-owned restaurant bombed", "foreigners"),
        ("gunmen attacked a convoy of Chinese engineers", "foreigners"),
        ("Chinese workers attacked at gold mine", "foreigners"),
        ("Chinese-run mine attacked", "foreigners"),
        ("A vehicle of a Chinese company was hit by an IED", "foreigners"),
        ("IED hit a vehicle of a Chinese company", "foreigners"),
        ("grenade thrown at chinese restaurant", "foreigners"),
        ("中企遭袭", "foreigners"),
        ("中国公司营地遇袭", "foreigners"),
        ("中资企业开业", None),
        ("targeting a US military convoy", None),
        ("the Chinese embassy condemned the attack on the mine", "mining"),
        ("gunmen stormed a gold mine", "mining"),
        ("attack on an Afghan company's mine", "mining"),
        ("attacked a police post near a gold mine", None),
        ("attack on US troops", None),
        ("clash over gold mine", None),
    ],
)
def test_at_whom_it_was_aimed_is_known_from_what_desks_write(text, target):
    assert find_facts(text, "AFG").get("target", (None,))[0] == target


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "Two employees of a Chinese mining company kidnapped near the pit.",
        "Workers of a Chinese gold mine were shot at.",
        "Staff of Chinese-owned Kelda Mining Co. abducted",
        "Three guards of a Chinese copper mine killed",
        "Gunmen killed two drivers working for a Chinese construction firm",
        "Local workers employed by a Chinese firm were abducted",
        "Workers at a Chinese gold mine in Nara district were abducted",
        "Staff of the Chinese firm Kelda Mining abducted on Monday",
        "A Chinese mining company's employees were abducted",
        "Abduction of two workers of a Chinese mine",
        "employees of a foreign mining company kidnapped",
        "Deux employés d'une société minière chinoise enlevés près du puits",
        "Des ouvriers d'une mine d'or chinoise ont été tués",
        "Dos empleados de una empresa minera china secuestrados",
        "Dois funcionários de uma mineradora chinesa sequestrados",
        "Двое сотрудников китайской горнодобывающей компании похищены",
        "Рабочие китайского рудника убиты",
        "اختطاف موظفين في شركة تعدين صينية",
        "两名中国矿业公司员工被绑架",
        "中国金矿工人遭枪击",
        "中资矿业公司当地员工遇袭",
    ],
)
def test_workers_of_a_foreign_firm_are_meant_whoever_they_are(text):
    facts = find_facts(text, "AFG")
    assert facts["target"][0] == "foreigners"
    assert facts["target"][1] in text


@pytest.mark.parametrize(
    "text",
    [
        "Two employees of an Afghan mining company kidnapped",
        "No workers of a Chinese mine were hurt",
        "Employees of a Chinese mining company kidnapped a farmer",
        "Workers of a Chinese mine in Nara said two policemen were killed",
        "The Chinese company said two policemen were killed",
        "Police chief killed near a Chinese mine",
        "A man killed with a Chinese rifle",
        "Aucun employé d'une société chinoise n'a été tué",
        "Un ouvrier d'une mine malienne tué par une roquette chinoise",
        "两名中国矿业公司员工平安",
    ],
)
def test_workers_of_a_firm_who_were_not_hit_or_not_of_a_foreign_one_are_no_target(text):
    assert find_facts(text, "MLI" if "malienne" in text else "AFG").get("target") is None


@pytest.mark.parametrize("text", ["Chinese nat'l abducted from camp", "2 Chinese natls shot"])
def test_a_national_is_known_by_short_forms_too(text):
    assert find_facts(text, "AFG")["nationality"][0] == "CHN"


@pytest.mark.parametrize(
    "note",
    [
        "Two employees of a Chinese mining company kidnapped near the pit.",
        "Workers of a Chinese gold mine were shot at.",
        "Chinese nat'l abducted from camp",
        "中国金矿工人遭枪击",
    ],
)
def test_an_attack_on_workers_of_its_firms_is_one_on_the_group(note):
    rows = rm.derive_victims(read(notes=note))
    group = rm.WorkerGroup("CHN", sector="mining")
    foreign = hits_foreigners(rows, group)
    assert foreign.tolist() == [True]
    assert group.weigh(rows, foreign=foreign).tolist() == [1.0]


def test_words_set_no_target_in_a_database_of_aid_workers():
    rows = read(notes="attack on foreign aid workers", source="awsd")
    other = read(notes="attack on foreign aid workers", source="desk")
    assert rm.derive_victims(rows)["target"].isna().all()
    assert rm.derive_victims(other)["target"].tolist() == ["foreigners"]


def read(**columns):
    rows = {"date": ["2024-05-06"], "country": ["AFG"]}
    return rm.read_incidents(pd.DataFrame(rows | {name: [v] for name, v in columns.items()}))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Trois ingénieurs chinois ont été tués à Berin.", 3),
        ("Un ressortissant chinois enlevé", 1),
        ("Deux Chinois tués dans une attaque", 2),
        ("Un homme de nationalité chinoise tué", None),
        ("Dos ingenieros chinos secuestrados", 2),
        ("Un ciudadano de China fue asesinado", 1),
        ("Secuestrados tres trabajadores chinos de una mina", 3),
        ("cidadãos chineses foram sequestrados", None),
        ("двое граждан Китая убиты", 2),
        ("Китайский рабочий похищен", None),
        ("مقتل مهندس صيني", None),
        ("اختطاف عمال صينيين", None),
        ("Deux Chinois blessés", 2),
        ("Des Chinois ont été tués", None),
        ("Chinois enlevés", None),
        ("Victime de nationalité chinoise", None),
        ("Cidadão chinês raptado", None),
        ("Murió un minero chino", 1),
        ("Убит китаец", None),
        ("国籍\uff1a中国", None),
        ("死者为中国籍", None),
        ("中国籍2人死亡", 2),
    ],
)
def test_the_usual_forms_of_other_languages_are_read(text, number):
    facts = find_facts(text, "MLI")
    assert facts["nationality"][0] == "CHN"
    assert facts["nationality"][1] in text
    assert facts.get("foreign_victims", (None,))[0] == number


@pytest.mark.parametrize(
    "text",
    [
        "Des roquettes chinoises ont tué deux soldats",
        "Aucun ressortissant chinois n'a été tué",
        "Ningún ciudadano chino herido",
        "L'ambassade de Chine condamne l'attaque, deux morts",
        "tres muertos con un fusil chino",
        "un mineur malien tué",
        "Un ressortissant de Mali tué",
        "Китай осудил нападение, двое убиты",
        "никто из граждан Китая не погиб",
        "السفارة الصينية تدين الهجوم",
    ],
)
def test_what_names_nobody_who_was_hit_is_not_read_in_other_languages_either(text):
    assert not {"nationality", "staff_type", "foreign_victims"} & set(find_facts(text, "MLI"))


@given(st.text(max_size=30), st.sampled_from(["", "A", "X 1", "Ǆ"]))
def test_any_note_can_be_read(text, head):
    assert isinstance(find_facts(head + text.upper()), dict)


def test_what_a_feed_says_is_never_overwritten():
    rows = read(notes="five Chinese engineers", nationality="Turkish", foreign_victims=2)
    found = rm.derive_victims(rows).iloc[0]
    assert (found["nationality"], found["foreign_victims"]) == ("TUR", 2)
    assert found["derived"] == "staff_type"


def test_derived_columns_are_named_and_evidence_kept_and_nothing_else_changes():
    rows = read(notes="five Chinese engineers of a dam")
    before = rows.copy()
    found = rm.derive_victims(rows)
    assert found["derived"].iloc[0] == "nationality;foreign_victims;staff_type;sector"
    assert found["evidence"].iloc[0] == "five Chinese engineers | dam"
    pd.testing.assert_frame_equal(pd.DataFrame(rows), pd.DataFrame(before))
    again = rm.derive_victims(found)
    assert again["derived"].tolist() == found["derived"].tolist()
    assert again["evidence"].tolist() == found["evidence"].tolist()


def test_rows_without_notes_derive_nothing():
    found = rm.derive_victims(read(place="A"))
    assert found["derived"].isna().all()


@pytest.mark.parametrize("text", ["ISKP", "IS-K", "ISIS-K", "Daesh Khorasan", "isis-khorasan"])
def test_one_group_has_one_name(text):
    assert find_group(text) == "Islamic State Khorasan Province"


@pytest.mark.parametrize(
    ("note", "target"),
    [
        ("Guards of Ruvo Mining ambushed, two killed", "employer:Ruvo Mining"),
        ("RUVO  MINING truck attacked", "employer:Ruvo Mining"),
        ("Ruvo Mining Co. Ltd. truck attacked", "employer:Ruvo Mining"),
        ("Ruvo-Mining camp mortared", "employer:Ruvo Mining"),
        ("RuvoMining staff beaten", "employer:Ruvo Mining"),
        ("Ruvo车队遭袭", None),
        ("attack on a Chinese camp of Ruvo Mining", "foreigners"),
        ("Ruvo Mining hires 20 guards", None),
        ("Ruvomining guards shot", "employer:Ruvo Mining"),
        ("Ruvo Miningham guards shot", None),
    ],
)
def test_an_attack_on_an_employer_of_the_group_is_known_from_the_notes(note, target):
    rows = rm.read_incidents(pd.DataFrame({"date": ["2031-01-02"], "lat": ["-7.5"], "lon": ["2.5"],
                                           "notes": [note]}))  # fmt: skip
    met = rm.derive_victims(rows, employers=("Ruvo Mining",))["target"].tolist()
    assert met == [target] if target else pd.isna(met[0])
    group = rm.WorkerGroup("CHN", sector="mining", employers=("Ruvo Mining",))
    told = rm.derive_victims(rows, employers=group.employers)
    assert group.is_aimed_at(told).tolist() == [bool(target) and target != "foreigners"]


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        ({"notes": "Camp Alpha attacked by gunmen"}, "site:Camp Alpha"),
        ({"place": "camp alpha", "event_type": "armed attack"}, "site:Camp Alpha"),
        ({"place": "Camp Alpha", "event_type": "riot"}, None),
        ({"notes": "Gunmen attacked a bus in Dara"}, None),  # a town's name is no site
        ({"place": "Dara", "event_type": "armed attack"}, None),
        ({"notes": "The cook of Camp Alpha went home"}, None),
    ],
)
def test_an_attack_on_a_site_of_the_group_is_known_from_notes_and_places(columns, target):
    met = rm.derive_victims(read(**columns), sites=("Camp Alpha", "Dara"))["target"].iloc[0]
    assert met == target if target else pd.isna(met)


@pytest.mark.parametrize("heading", ["Employer", "Victim's employer", "Company", "公司", "Empresa"])
def test_a_column_of_employers_says_at_whom_it_was_aimed(heading):
    rows = read(**{"event_type": "armed attack", heading: "Ruvo Mining Ltd."})
    group = rm.WorkerGroup("CHN", sector="energy", employers=("Ruvo Mining",))
    assert group.is_aimed_at(rm.derive_victims(rows, employers=group.employers)).all()
    other = read(**{"event_type": "armed attack", heading: "Police"})
    assert not group.is_aimed_at(rm.derive_victims(other, employers=group.employers)).any()


@pytest.mark.parametrize(
    "text",
    [
        "A police truck hit mines laid by rebels.",
        "Le convoi a été touché par l'explosion d'une mine.",
        "Un véhicule a sauté sur une mine.",
        "A landmine blast killed three.",
        "Two people died in an explosion of mines terrestres.",
        "A vehicle hit a mine near Dara.",
    ],
)
def test_mines_that_are_laid_are_no_place_of_work(text):
    assert not {"sector", "target"} & set(find_facts(text, "XQA"))


@pytest.mark.parametrize(
    "text", ["Gunmen attacked a gold mine.", "A copper mine blast hurt three."]
)
def test_mines_where_people_work_are(text):
    assert find_facts(text, "XQA")["sector"][0] == "mining"


@pytest.mark.parametrize(
    ("text", "sector", "other"),
    [
        (
            "A truck of Ruvo Mining was hit, two Chinese road builders died",
            "construction",
            "Mining",
        ),
        ("Two Chinese miners killed when a road project was hit", "mining", "road project"),
        ("Road project: convoy ambushed and two Chinese miners shot", "mining", "Road project"),
        ("Two Chinese engineers of a dam were killed", "construction", None),
    ],
)
def test_of_two_sectors_that_of_the_victims_counts_and_the_other_may_be_theirs(text, sector, other):
    rows = rm.derive_victims(read(notes=text))
    assert rows["sector"].tolist() == [sector]
    assert rows["not_understood"].fillna("").tolist() == [f"sector={other}" if other else ""]


@pytest.mark.parametrize("sector", ["mining", "construction"])
def test_a_group_of_either_sector_sees_an_attack_on_its_own(sector):
    text = "A truck of Ruvo Mining was hit, two Chinese road builders died"
    rows = rm.derive_victims(read(notes=text))
    grades = rm.WorkerGroup("CHN", sector=sector).relevance(rows)
    assert grades.tolist() == ["same nationality and sector"]


@pytest.mark.parametrize(
    "text",
    [
        "The mine employs 45 Chinese workers. Gunmen shot at its gate.",
        "A camp that houses Chinese engineers was attacked",
        "Chinese workers on site: two killed",
        "2 Chinese engineers on site",
        "Chinese workers: 2",
        "Casualties: Chinese staff: 2",
        "Chinese personnel: 2; local personnel: 0",
        "VBIED at gate. Chinese staff: 3, local staff: 1",
        "Suicide bomber blew himself up at a guesthouse housing Chinese nationals",
        "Car bomb at hotel, home to Chinese nationals",
        "Chinese engineers party kidnapped",
        "Two Chinese nationals week after arrival abducted",
    ],
)
def test_an_attack_where_foreigners_work_still_tells_of_them(text):
    assert find_facts(text, "AFG")["nationality"][0] == "CHN"


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Two separate attacks killed a guard and a cook", "Two separate attacks"),
        ("Villagers hurt in 3 different IED incidents", "3 different IED incidents"),
        ("SEVERAL SIMULTANEOUS ATTACKS", "Several Simultaneous Attacks"),
        ("两起袭击造成三人死亡", "两起袭击"),
        ("Deux attaques distinctes ont fait trois morts", "Deux attaques distinctes"),
        ("Dos ataques distintos", "Dos ataques distintos"),
    ],
)
def test_a_note_of_several_attacks_says_so(text, phrase):
    rows = rm.derive_victims(read(notes=text))
    assert rows["not_understood"].tolist() == [f"count={phrase}"]
    assert rm.derive_victims(rows)["not_understood"].tolist() == [f"count={phrase}"]


@pytest.mark.parametrize("text", ["Two attackers fled", "An attack killed two separate guards"])
def test_a_note_of_one_attack_does_not(text):
    assert rm.derive_victims(read(notes=text))["not_understood"].isna().all()


@pytest.mark.parametrize("stated", ["security", "construction", "aid", "site:Camp 4"])
def test_a_note_of_an_attack_on_foreigners_stands_beside_another_target(stated):
    note = "Attack on Chinese road camp; two guards killed"
    found = rm.derive_victims(read(target=stated, notes=note))
    assert hits_foreigners(found).all()
    assert found["not_understood"].tolist() == [f"target={stated}"]
    assert found["derived"].str.contains("target").all()


@pytest.mark.parametrize(
    ("stated", "note", "nations"),
    [
        ("XQA", "Two Chinese kidnapped, local driver killed", "CHN;XQA"),
        ("IND", "Two Chinese and an Indian killed", "CHN;IND"),
        ("CHN", "Two Chinese engineers killed", "CHN"),
        ("XQA", "Talks with Chinese officials went on", "XQA"),
    ],
)
def test_nations_of_those_who_were_hit_stand_beside_the_stated_ones(stated, note, nations):
    table = rm.datasets.incidents().head(1).assign(country="XQA", nationality=stated, notes=note)
    assert rm.derive_victims(table)["nationality"].tolist() == [nations]


@pytest.mark.parametrize(
    ("note", "is_hit"),
    [
        ("Gunmen killed 3 villagers", True),
        ("2 Chinese abducted", True),
        ("Two people were wounded by stones", True),
        ("Trois villageois tués", True),
        ("村民3人遇害", True),
        ("Crowd dispersed, no one was injured", False),
        ("A letter said that he would be killed", False),
        ("无人受伤", False),
        ("https://example.org/three-killed", False),
        ("Shops closed", False),
    ],
)
@pytest.mark.parametrize("kind", ["other", "unrest", "arrest"])
def test_a_note_that_says_people_were_hit_makes_it_violence(note, is_hit, kind):
    found = rm.derive_victims(read(notes=note, event_type=kind))
    assert is_violence(found).tolist() == [is_hit]


def test_tolls_that_are_told_stand_against_a_note_but_not_for_the_abducted():
    for note, is_hit in (("3 villagers killed", False), ("2 Chinese abducted", True)):
        rows = read(notes=note, event_type="other", killed=0, wounded=0)
        assert is_violence(rm.derive_victims(rows)).tolist() == [is_hit]


@pytest.mark.parametrize(
    ("text", "nation", "number"),
    [
        ("Two engineers (both Chinese) killed", "CHN", None),
        ("Two engineers of Chinese nationality killed", "CHN", None),
        ("Two engineers holding Chinese passports killed", "CHN", None),
        ("2 Chinese/1 local killed", "CHN", 2),
        ("5 killed, possibly Chinese", "CHN", None),
        ("5 killed, Chinese among them", "CHN", None),
        ("2CHN KIA", "CHN", 2),
        ("CHNx2 KIA", "CHN", 2),
        ("3 dead (1CHN)", "CHN", 1),
        ("Casualties: CHN 2, local 3", "CHN", 2),
        ("Deceased: CHN", "CHN", None),
        ("Vics: 2 CHN", "CHN", 2),
        ("Two Chineese engineers killed", "CHN", 2),
        ("Chinese site mgr killed", "CHN", None),
        ("2 Chinese wkrs killed", "CHN", 2),
        ("China condemns attack that killed two of its citizens", "CHN", 2),
        ("Two of its nationals were killed, China's embassy said", "CHN", 2),
        ("5 killed, all foreigners", None, 1),
        ("2 Westerners abducted", None, 2),
        ("2 Europeans abducted", None, 2),
        ("ex-pat killed", None, 1),
        ("2 int'ls killed", None, 2),
        ("Two foreigners kiled", None, 2),
        ("Enlèvement de deux Chinois", "CHN", 2),
        ("3 expatriés enlevés", None, 3),
        ("2 ressortissants étrangers enlevés", None, 2),
        ("Assassinat d'un ingénieur chinois", "CHN", 1),
        ("Secuestro de dos ciudadanos chinos", "CHN", 2),
        ("Sequestro de dois chineses", "CHN", 2),
        ("Похищены двое китайцев", "CHN", 2),
    ],
)
def test_foreign_people_who_were_hit_in_the_forms_of_hurried_notes(text, nation, number):
    facts = find_facts(text, "AFG")
    assert facts["staff_type"][0] == "international"
    assert facts.get("nationality", (None,))[0] == nation
    assert facts.get("foreign_victims", (None,))[0] == number
    assert all(phrase in text for _, phrase in facts.values())


@pytest.mark.parametrize(
    "text",
    [
        "IED vs Chinese convoy",
        "SAF on CHN camp, 1 WIA",
        "IED attk on CHN convoy",
        "attaque d'un site minier chinois",
    ],
)
def test_an_attack_on_what_is_theirs_in_short_words(text):
    assert find_facts(text, "AFG")["target"][0] == "foreigners"


@pytest.mark.parametrize(
    "text",
    [
        "Afghanistan condemns attack that killed two of its citizens",
        "Violente attaque des rebelles sur un chantier minier dans le nord-ouest de l'Afghanistan",
        "Two policemen (both Afghan) killed",
        "2AFG KIA",
    ],
)
def test_a_country_s_own_people_are_not_foreign_in_these_forms_either(text):
    assert not {"staff_type", "foreign_victims", "target"} & find_facts(text, "AFG").keys()


@pytest.mark.parametrize(
    "text",
    [
        *("Chinese PM killed", "Chinese super killed", "Chinese lady murdered after robbery"),
        *("Chinese lady killed at a shop", "Chinese lady killed 3 km from town"),
        *("Driver killed with Chinese lady", "Two Koreans killed", "Congolese trader shot"),
    ],
)
def test_foreign_people_beside_a_word_of_being_hit_leave_open_who_was_hit(text):
    row = rm.derive_victims(read(notes=text, event_type="armed attack"))
    assert row["not_understood"].str.startswith("foreign_victims=").tolist() == [True]
    assert not tells_victims(row).any()
    assert rm.derive_victims(row)["not_understood"].tolist() == row["not_understood"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "Chinese police killed two bandits",
        "Two policemen killed by Chechen fighters",
        "Chechen fighters were killed",
        "Guard killed by a Chinese-made rocket",
        "Guard killed with a Russian rifle",
        "Two killed on the eve of a conference of Chinese ministers",
        "Turkish jets hit a village",
        "Afghan driver killed",
        "No foreigners were hurt",
        "THEY SHOUTED AT US AND WERE KILLED",
    ],
)
def test_attackers_weapons_and_talks_leave_nothing_open(text):
    row = rm.derive_victims(read(notes=text, event_type="armed attack"))
    assert not row["not_understood"].str.contains("foreign_victims=", na=False).any()


def test_a_row_that_tells_who_was_hit_leaves_nothing_open():
    row = rm.derive_victims(
        read(notes="Chinese PM killed", foreign_victims=0, event_type="armed attack")
    )
    assert row["not_understood"].isna().all()


@pytest.mark.parametrize(
    "text",
    [
        "Un coopérant français enlevé",
        "Sujets chinois kidnappés",
        "Chinois pris en otage",
        "KFR Chinese",
        "non-Malian killed",
        "Китайские старатели убиты",
    ],
)
def test_a_note_of_foreign_people_in_no_usual_form_leaves_open_who_was_hit(text):
    rows = read(notes=text, event_type="armed attack").assign(country="MLI")
    told = rm.derive_victims(rows)
    assert hits_foreigners(told).all() or told["not_understood"].str.contains("foreign_vic").all()


@pytest.mark.parametrize(
    "text",
    [
        "Un véhicule a été pris pour cible, deux morts",
        "Deux soldats tchadiens tués",
        "Armée française : deux blessés",
        "L'ambassade de Chine condamne l'attaque, deux morts",
    ],
)
def test_a_note_of_forces_in_another_language_leaves_nothing_open(text):
    rows = read(notes=text, event_type="armed attack").assign(country="MLI")
    assert rm.derive_victims(rows)["not_understood"].isna().all()


def test_who_is_named_beside_another_nation_is_counted_too():
    facts = find_facts("Un Chinois et deux Pakistanais tués", "MLI")
    assert facts["nationality"][0] == "CHN;PAK"
