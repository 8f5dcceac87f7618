"""Invented students with awkward and rare names, and the stories of their orders."""

from __future__ import annotations

from dataclasses import dataclass

CAMPAIGN_CODE = "DEMO27"

NAMES = (
    "王小明", "李雨桐", "张伟", "刘洋", "陈静怡", "杨帆", "赵䶮", "黄㛃", "周𬱖", "吴喆",
    "徐堃", "孙赟", "欧阳子涵", "上官婉清", "司马懿轩", "阿依古丽·买买提江·阿不都热合曼", "古丽娜尔·吐尔逊",
    "次仁旺堆", "巴特尔", "迪丽努尔·艾合买提", "马燚", "朱珺", "胡一", "林〇", "何淼淼", "高翔", "郭麒麟", "罗玥",
    "梁思源", "宋词", "郑爽朗", "谢璟", "韩非烟", "唐棠", "冯骥", "于适", "董卿云", "萧何", "程蝶衣", "曹雪琴",
    "袁隆", "邓婕", "许倬", "傅山", "沈从", "曾国", "彭湃", "吕布衣", "苏轼之", "卢照", "蒋勋", "蔡琰", "贾思勰",
    "丁聪", "魏徵", "薛涛", "叶问天", "阎肃", "余光", "潘安然",
)  # fmt: skip

COLLEGES = {
    "文学院": ["汉语2301", "汉语2302", "新闻2301"],
    "理学院": ["物理2301", "数学2301"],
    "信息工程学院": ["计算机2301", "计算机2302", "计算机2310"],
    "马克思主义学院（思想政治理论课教学科研部）": ["思政2301"],
}

STORIES = (
    ["draft"] * 4
    + ["pending_payment"] * 5
    + ["pending_review"] * 18
    + ["flawed"] * 6
    + ["rejected"] * 6
    + ["resubmitted"] * 3
    + ["revising"] * 2
    + ["pending_production"] * 6
    + ["delivered"] * 6
    + ["cancelled"] * 2
    + ["refunded"] * 2
)
"""One story an order; `flawed` waits for review with something to see, `resubmitted` was rejected before."""

FLAWS = ("smile", "tilted", "shadow", "wrong_wall", "side_light", "blurred")


@dataclass(frozen=True)
class Person:
    """One invented student; the identity number has a right check digit and a birthplace that does not exist."""

    number: int
    name: str
    college: str
    class_name: str
    story: str

    @property
    def student_no(self) -> str:
        return f"2023{self.number:06d}"

    @property
    def id_no(self) -> str:
        body = f"999999200{self.number % 6}{self.number % 12 + 1:02d}{self.number % 28 + 1:02d}{self.number:03d}"
        weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
        return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]

    @property
    def phone(self) -> str:
        return f"199{self.number:08d}"

    @property
    def email(self) -> str:
        return f"student{self.number}@example.edu"


def people() -> list[Person]:
    """All of them, in order."""
    colleges = list(COLLEGES)
    found = []
    for number, (name, story) in enumerate(zip(NAMES, STORIES, strict=True), start=1):
        college = colleges[number % len(colleges)]
        classes = COLLEGES[college]
        found.append(Person(number, name, college, classes[number // 4 % len(classes)], story))
    return found


ABSENT = [
    Person(number, f"未采集{letter}", "文学院", "新闻2301", "absent")
    for number, letter in enumerate("甲乙丙丁戊己庚辛壬癸子丑", start=901)
]
"""On the school's list, without an order."""
